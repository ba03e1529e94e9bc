//! A conversation: its turns, and what the application writes into it.

use serde_json::{Value, json};

/// Messages, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Conversation {
    messages: Vec<Value>,
}

impl Conversation {
    pub(super) fn of(messages: Vec<Value>) -> Self {
        Self { messages }
    }

    /// Puts `system` before all others, in the place of what the client told the model.
    pub(super) fn instruct(&mut self, system: &str) {
        self.messages.retain(|message| !instructs(message));
        let message = json!({"role": "system", "content": system});
        self.messages.insert(0, message);
    }

    /// Puts `text` in the place of what the user's last message says.
    pub(super) fn ask(&mut self, text: &str) {
        let message = json!({"role": "user", "content": text});
        match self.messages.iter().rposition(asks) {
            Some(last) => self.messages[last] = message,
            None => self.messages.push(message),
        }
    }

    /// Turns before the one to be answered: each begins with the user's message.
    pub(super) fn past_turns(&self) -> usize {
        let asking = self.messages.iter().filter(|message| asks(message));
        // What stands before the first question is a turn as well.
        let opening = self
            .messages
            .iter()
            .take_while(|message| !asks(message))
            .any(|message| !instructs(message));
        (asking.count() + usize::from(opening)).saturating_sub(1)
    }

    /// Without its oldest turns; instructions stay.
    pub(super) fn without_oldest(&self, turns: usize) -> Self {
        let mut turn = 0;
        let mut begun = false;
        let mut kept = Vec::new();
        for message in &self.messages {
            if instructs(message) {
                kept.push(message.clone());
                continue;
            }
            if asks(message) && begun {
                turn += 1;
            }
            begun = true;
            if turn >= turns {
                kept.push(message.clone());
            }
        }
        Self { messages: kept }
    }

    /// The turns that can be dropped at once, since those behind them are too long by themselves: more
    /// messages than `max_messages`, or more than `max_bytes` of text.
    pub(super) fn hopeless_turns(&self, max_messages: usize, max_bytes: usize) -> usize {
        let (mut messages, mut bytes) = (0_usize, 0_usize);
        // Turns counted from the newest, which stays.
        let mut newer = 0;
        for message in self.messages.iter().rev().filter(|m| !instructs(m)) {
            messages += 1;
            bytes = bytes.saturating_add(text_bytes(message));
            if messages > max_messages || bytes > max_bytes {
                return self.past_turns().saturating_sub(newer) + usize::from(newer > 0);
            }
            newer += usize::from(asks(message));
        }
        0
    }

    /// Bytes of all text in it.
    pub(super) fn bytes(&self) -> usize {
        self.messages.iter().map(text_bytes).sum()
    }

    pub(super) fn into_messages(self) -> Vec<Value> {
        self.messages
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or("")
}

fn asks(message: &Value) -> bool {
    role(message) == "user"
}

fn instructs(message: &Value) -> bool {
    matches!(role(message), "system" | "developer")
}

/// Bytes of what a message says, as a text or in parts.
fn text_bytes(message: &Value) -> usize {
    match message.get("content") {
        Some(Value::String(text)) => text.len(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.map(str::len).sum()
        }
        _ => 0,
    }
}
