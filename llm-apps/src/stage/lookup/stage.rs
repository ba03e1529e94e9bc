//! The stage.

use std::sync::Arc;

use serde_json::Value;

use super::options::{LookupBy, LookupNear, LookupOptions, LookupVector};
use crate::payload::{Passage, Payload};
use crate::stage::{Call, Stage, StageError};
use crate::vector::{
    Hit, Near, Query, SOURCE, SearchRequest, TextEncoder, VectorError, VectorIndex,
};

/// Writes what a collection has to say into the payload.
#[derive(Debug)]
pub struct LookupStage {
    options: LookupOptions,
    index: Arc<dyn VectorIndex>,
    encoder: Arc<dyn TextEncoder>,
}

/// What is compared by meaning.
enum Question {
    Text(String),
    Vector(Vec<f32>),
}

impl LookupStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage that searches `index`, whose vectors `encoder` makes.
    pub fn new(
        options: LookupOptions,
        index: Arc<dyn VectorIndex>,
        encoder: Arc<dyn TextEncoder>,
    ) -> Self {
        Self {
            options,
            index,
            encoder,
        }
    }

    async fn near(&self, near: &LookupNear, question: Question) -> Result<Near, StageError> {
        let vector = match question {
            Question::Vector(vector) => vector,
            Question::Text(text) => {
                let vectors = self.encoder.embed(vec![text]).await?;
                let none = || StageError::failed("the encoder made no vector");
                vectors.into_iter().next().ok_or_else(none)?
            }
        };
        Ok(Near {
            vector,
            score_threshold: near.score_threshold,
        })
    }

    /// The variable that a search is made of, which is at fault when it cannot be done.
    fn param(&self) -> &str {
        match &self.options.by {
            LookupBy::Sparse(text) => text,
            LookupBy::Dense(near) | LookupBy::Hybrid(near, _) => match &near.vector {
                LookupVector::Of(name) | LookupVector::Variable(name) => name,
            },
        }
    }

    fn error(&self, error: &VectorError) -> StageError {
        let message = error.to_string();
        let is_asked = matches!(
            error,
            VectorError::Request { .. } | VectorError::Filter { .. }
        );
        if is_asked {
            let param = Some(self.param().to_owned());
            StageError::Invalid { message, param }
        } else if error.may_retry() {
            StageError::Unavailable(message)
        } else {
            StageError::Failed(message)
        }
    }
}

impl Stage for LookupStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, _: &Call) -> Result<Payload, StageError> {
        let options = &self.options;
        let filter = options.filter.as_ref();
        let filter = filter.map(|filter| filter.render(payload.variables()));
        let filter = filter.transpose()?;
        let query = match &options.by {
            LookupBy::Dense(near) => {
                let question = question(near, &payload)?;
                Query::Dense(self.near(near, question).await?)
            }
            LookupBy::Sparse(words) => Query::Sparse(payload.text(words)?.to_owned()),
            LookupBy::Hybrid(near, words) => {
                let question = question(near, &payload)?;
                let words = payload.text(words)?.to_owned();
                Query::Hybrid(self.near(near, question).await?, words)
            }
        };
        let request = SearchRequest {
            query,
            filter,
            limit: options.top_k,
        };
        let found = self.index.search(request).await;
        let hits = found.map_err(|error| self.error(&error))?;
        let passages: Vec<Passage> = hits.into_iter().map(passage).collect();
        let passages = serde_json::to_value(passages)
            .map_err(|error| StageError::failed(format!("passages cannot be written: {error}")))?;
        payload.set(&options.output, passages);
        Ok(payload)
    }
}

fn question(near: &LookupNear, payload: &Payload) -> Result<Question, StageError> {
    Ok(match &near.vector {
        LookupVector::Variable(name) => Question::Vector(payload.read(name)?),
        LookupVector::Of(name) => Question::Text(payload.text(name)?.to_owned()),
    })
}

fn passage(hit: Hit) -> Passage {
    let mut metadata = hit.record.metadata;
    let source = metadata.get(SOURCE).and_then(Value::as_str);
    let source = source.unwrap_or_default().to_owned();
    if !source.is_empty() {
        metadata.remove(SOURCE);
    }
    Passage {
        id: hit.record.id,
        text: hit.record.text,
        source,
        score: hit.score,
        metadata,
    }
}
