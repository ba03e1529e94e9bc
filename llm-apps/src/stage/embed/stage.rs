//! The stage.

use std::sync::Arc;

use serde_json::Value;

use super::options::EmbedOptions;
use crate::payload::{Payload, VariableError};
use crate::stage::{Call, Stage, StageError};
use crate::vector::TextEncoder;

/// Writes vectors into the payload.
#[derive(Debug)]
pub struct EmbedStage {
    options: EmbedOptions,
    encoder: Arc<dyn TextEncoder>,
}

/// Most texts of one call.
const MAX_TEXTS: usize = 1024;

impl EmbedStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage that encodes with `encoder`.
    pub fn new(options: EmbedOptions, encoder: Arc<dyn TextEncoder>) -> Self {
        Self { options, encoder }
    }

    /// The texts of the input, and whether they are a list.
    fn texts(&self, payload: &Payload) -> Result<(Vec<String>, bool), StageError> {
        let name = &self.options.input;
        let value = payload.get(name);
        let value = value.ok_or_else(|| VariableError::Missing(name.clone()))?;
        if let Value::String(text) = value {
            return Ok((vec![text.clone()], false));
        }
        let texts: Vec<String> = payload.read(name).map_err(|_| VariableError::Kind {
            name: name.clone(),
            wanted: "a text or a list of texts".to_owned(),
            found: value.to_string().chars().take(80).collect(),
        })?;
        if texts.len() > MAX_TEXTS {
            let count = texts.len();
            return Err(StageError::Invalid {
                message: format!(
                    "`{name}` has {count} texts, but at most {MAX_TEXTS} are encoded at a time"
                ),
                param: Some(name.clone()),
            });
        }
        Ok((texts, true))
    }
}

impl Stage for EmbedStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, _: &Call) -> Result<Payload, StageError> {
        let (texts, is_list) = self.texts(&payload)?;
        let vectors = self.encoder.embed(texts).await?;
        let mut vectors: Vec<Value> = vectors.into_iter().map(Value::from).collect();
        let value = match vectors.pop() {
            Some(vector) if !is_list => vector,
            last => {
                vectors.extend(last);
                Value::Array(vectors)
            }
        };
        payload.set(&self.options.output, value);
        Ok(payload)
    }
}
