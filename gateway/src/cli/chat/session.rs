//! A conversation: what was said, and one turn of it.

use std::io;

use anyhow::Result;
use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessageArgs, ChatCompletionRequestMessage,
    ChatCompletionRequestSystemMessageArgs, ChatCompletionRequestUserMessageArgs,
};
use futures::StreamExt;

use super::client::Client;
use crate::cli::terminal::Terminal;

/// A conversation with one model.
pub(in crate::cli) struct Session {
    client: Client,
    model: String,
    system: Option<String>,
    messages: Vec<ChatCompletionRequestMessage>,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Turn {
    /// With the whole answer.
    Whole,
    /// Because the person wanted no more of it.
    Stopped,
}

impl Session {
    /// A conversation with nothing said yet.
    pub(in crate::cli) fn new(
        client: Client,
        model: String,
        system: Option<String>,
    ) -> Result<Self> {
        let mut session = Self {
            client,
            model,
            system,
            messages: Vec::new(),
        };
        session.clear()?;
        Ok(session)
    }

    /// Forgets what was said, but not the system message.
    pub(in crate::cli) fn clear(&mut self) -> Result<()> {
        self.messages.clear();
        if let Some(system) = &self.system {
            let message = ChatCompletionRequestSystemMessageArgs::default()
                .content(system.as_str())
                .build()?;
            self.messages.push(message.into());
        }
        Ok(())
    }

    /// Says `text` and writes the answer as it comes, until it ends or `stop` does. What was
    /// answered until then belongs to the conversation; a turn that failed does not.
    pub(in crate::cli) async fn say(
        &mut self,
        text: &str,
        terminal: &mut Terminal,
        stop: impl Future<Output = ()>,
    ) -> Result<Turn> {
        let before = self.messages.len();
        let message = ChatCompletionRequestUserMessageArgs::default()
            .content(text)
            .build()?;
        self.messages.push(message.into());
        let mut answer = String::new();
        let turn = tokio::select! {
            biased;
            () = stop => Ok(Turn::Stopped),
            ended = self.stream(terminal, &mut answer) => ended.map(|()| Turn::Whole),
        };
        if !answer.is_empty() && !answer.ends_with('\n') {
            terminal.print("\n")?;
        }
        if turn.is_err() || answer.is_empty() {
            self.messages.truncate(before);
        } else {
            let message = ChatCompletionRequestAssistantMessageArgs::default()
                .content(answer)
                .build()?;
            self.messages.push(message.into());
        }
        turn
    }

    async fn stream(&self, terminal: &mut Terminal, answer: &mut String) -> Result<()> {
        let mut chunks = self.client.answer(&self.model, &self.messages).await?;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.client.error(error))?;
            for choice in chunk.choices {
                let text = choice.delta.content.unwrap_or_default();
                answer.push_str(&text);
                terminal.print(&printable(&text, terminal.out_is_tty))?;
            }
        }
        Ok(())
    }
}

/// On a terminal, control characters of a model are not obeyed, only line breaks and tabs.
fn printable(text: &str, is_tty: bool) -> String {
    let obeyed = |c: &char| !is_tty || !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(obeyed).collect()
}

/// A reader that went away is no error of the conversation.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
