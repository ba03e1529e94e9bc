//! The longest prompt within a budget: what is left away, and in which order.

use serde_json::{Map, Value};

use super::conversation::Conversation;
use super::counter::TokenCounter;
use super::options::{PromptForm, PromptOptions};
use crate::payload::{Payload, names};
use crate::stage::StageError;
use crate::stage::generate::Prompt;
use crate::template::PromptTemplate;

/// What a prompt is written from: everything, of which some is left away.
pub(super) struct Draft<'a> {
    options: &'a PromptOptions,
    variables: &'a Map<String, Value>,
    /// The conversation so far and its variable.
    history: Option<(&'a str, Conversation)>,
    /// The passages, and their places from the one that fits worst.
    passages: Vec<Value>,
    worst: Vec<usize>,
}

/// A prompt, and the passages that are in it if some are not.
pub(super) struct Written {
    pub(super) prompt: Value,
    pub(super) passages: Option<Vec<Value>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        options: &'a PromptOptions,
        payload: &'a Payload,
    ) -> Result<Self, StageError> {
        let history = match &options.form {
            PromptForm::Messages { history, .. } => history.as_deref(),
            PromptForm::Text(template) => {
                let reads = template.names().contains(names::MESSAGES);
                reads.then_some(names::MESSAGES)
            }
        };
        let conversation =
            |name| Ok::<_, StageError>((name, Conversation::of(payload.read(name)?)));
        let passages: Vec<Value> = if options.drops_passages() {
            payload.read(&options.passages)?
        } else {
            Vec::new()
        };
        let score = |index: usize| passages[index].get("score").and_then(Value::as_f64);
        let mut worst: Vec<usize> = (0..passages.len()).rev().collect();
        worst.sort_by(|&a, &b| {
            let (a, b) = (score(a).unwrap_or(f64::MIN), score(b).unwrap_or(f64::MIN));
            a.total_cmp(&b)
        });
        Ok(Self {
            options,
            variables: payload.variables(),
            history: history.map(conversation).transpose()?,
            worst,
            passages,
        })
    }

    /// Writes the prompt with all that there is.
    pub(super) fn whole(&self) -> Result<Written, StageError> {
        self.write(0, 0)
    }

    /// Writes the longest prompt that has `max_tokens` at most.
    pub(super) async fn within(
        &self,
        max_tokens: usize,
        counter: &dyn TokenCounter,
    ) -> Result<Written, StageError> {
        let max_bytes = counter.max_bytes(max_tokens);
        let (turns, hopeless) = self.history.as_ref().map_or((0, 0), |(_, history)| {
            let hopeless = history.hopeless_turns(max_tokens, max_bytes);
            (history.past_turns(), hopeless)
        });
        // What is left away, as one number: turns first, then passages.
        let write =
            |left_away: usize| self.write(left_away.min(turns), left_away.saturating_sub(turns));
        let first = write(hopeless)?;
        if count(&first, max_bytes, counter)
            .await?
            .is_some_and(|tokens| tokens <= max_tokens)
        {
            return Ok(first);
        }
        let (mut too_long, mut fits) = (hopeless, turns + self.passages.len());
        let mut best = write(fits)?;
        let least = count(&best, max_bytes, counter).await?;
        if least.is_none_or(|tokens| tokens > max_tokens) {
            return Err(too_long_by_itself(least, max_tokens));
        }
        while fits - too_long > 1 {
            let middle = usize::midpoint(too_long, fits);
            let written = write(middle)?;
            let tokens = count(&written, max_bytes, counter).await?;
            if tokens.is_some_and(|tokens| tokens <= max_tokens) {
                (fits, best) = (middle, written);
            } else {
                too_long = middle;
            }
        }
        Ok(best)
    }

    /// Writes the prompt without its oldest turns and its worst passages.
    fn write(&self, turns: usize, passages: usize) -> Result<Written, StageError> {
        let mut changed = None;
        let conversation = self.history.as_ref().map(|(name, history)| {
            let kept = history.without_oldest(turns);
            if turns > 0 {
                let variables = changed.get_or_insert_with(|| self.variables.clone());
                variables.insert((*name).to_owned(), kept.clone().into_messages().into());
            }
            kept
        });
        let kept = (passages > 0).then(|| {
            let dropped = self.worst.get(..passages).unwrap_or(&self.worst);
            let all = self.passages.iter().enumerate();
            let kept = all.filter(|(index, _)| !dropped.contains(index));
            kept.map(|(_, passage)| passage.clone()).collect::<Vec<_>>()
        });
        if let Some(kept) = &kept {
            let variables = changed.get_or_insert_with(|| self.variables.clone());
            variables.insert(self.options.passages.clone(), kept.clone().into());
        }
        let variables = changed.as_ref().unwrap_or(self.variables);
        Ok(Written {
            prompt: self.render(variables, conversation.unwrap_or_default())?,
            passages: kept,
        })
    }

    fn render(
        &self,
        variables: &Map<String, Value>,
        mut conversation: Conversation,
    ) -> Result<Value, StageError> {
        let text = |template: &PromptTemplate| {
            template
                .render(variables)
                .map_err(|error| StageError::failed(error.to_string()))
        };
        match &self.options.form {
            PromptForm::Text(template) => Ok(text(template)?.into()),
            PromptForm::Messages { system, user, .. } => {
                if let Some(system) = system {
                    conversation.instruct(&text(system)?);
                }
                if let Some(user) = user {
                    conversation.ask(&text(user)?);
                }
                Ok(conversation.into_messages().into())
            }
        }
    }
}

/// The tokens of a prompt; `None` when its text alone says that they are too many.
async fn count(
    written: &Written,
    max_bytes: usize,
    counter: &dyn TokenCounter,
) -> Result<Option<usize>, StageError> {
    let (prompt, bytes) = if let Value::Array(messages) = &written.prompt {
        let conversation = Conversation::of(messages.clone());
        let bytes = conversation.bytes();
        (Prompt::chat(conversation.into_messages()), bytes)
    } else {
        let text = written.prompt.as_str().unwrap_or_default();
        (Prompt::text(text), text.len())
    };
    if bytes > max_bytes {
        return Ok(None);
    }
    counter.count(prompt).await.map(Some)
}

fn too_long_by_itself(tokens: Option<usize>, max_tokens: usize) -> StageError {
    let has = tokens.map_or_else(
        || "is longer than any text of that length".to_owned(),
        |tokens| format!("has {tokens} tokens"),
    );
    StageError::Invalid {
        message: format!(
            "the prompt may have {max_tokens} tokens, but {has} even without earlier turns and passages; \
             ask something shorter"
        ),
        param: Some(names::MESSAGES.to_owned()),
    }
}
