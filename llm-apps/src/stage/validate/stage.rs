//! The stage.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt;

use super::judge::Judge;
use super::options::ValidateOptions;
use super::rules::{Inspection, Rules};
use super::streamed::checked;
use super::verdict::{Action, Breach, verdict};
use super::watcher::Watcher;
use crate::payload::{Answer, AnswerEvent, Payload, names};
use crate::stage::{Call, Stage, StageError};

/// Checks an answer.
pub struct ValidateStage {
    rules: Arc<Rules>,
}

impl ValidateStage {
    /// It takes an answer that is still being made, to check it on its way or to drop it early.
    pub const TAKES_STREAM: bool = true;

    /// A stage with these rules; `judge` must be there where they have one.
    ///
    /// # Errors
    /// [`StageError::Failed`] when a judge is asked for and none is there.
    pub fn new(
        options: ValidateOptions,
        judge: Option<Arc<dyn Judge>>,
    ) -> Result<Self, StageError> {
        if options.judge.is_some() && judge.is_none() {
            return Err(StageError::failed(
                "a validation with `judge` needs a judge",
            ));
        }
        Ok(Self {
            rules: Arc::new(Rules { options, judge }),
        })
    }
}

impl Stage for ValidateStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, call: &Call) -> Result<Payload, StageError> {
        let streams = self.rules.options.streams();
        let answer = payload.take_answer();
        let inspection = Inspection::new(&self.rules, &payload, call)?;
        let (text, breach) = match answer {
            Some(answer) if streams => {
                payload.set_answer(checked(answer, inspection));
                return Ok(payload);
            }
            Some(answer) => read(answer, &self.rules.options).await?,
            None => (payload.text(names::ANSWER)?.to_owned(), None),
        };
        let breach = match breach {
            Some(breach) => Some(breach),
            None => inspection.breach(&text).await?,
        };
        let (text, action) = match &breach {
            None => (text, Action::Passed),
            Some(breach) => inspection.remedy(&text, breach).await?,
        };
        payload.set(names::ANSWER, text);
        if !streams {
            payload.set(names::VERDICT, verdict(action, breach.as_ref()));
        }
        Ok(payload)
    }
}

/// The whole answer, or what of it there is when it breaks a rule that can be decided before its end.
/// The rest is cancelled then.
async fn read(
    answer: Answer,
    options: &ValidateOptions,
) -> Result<(String, Option<Breach>), StageError> {
    let mut watcher = Watcher::new(options);
    let mut events = answer.into_stream();
    while let Some(event) = events.next().await {
        let breach = match event? {
            AnswerEvent::Text(piece) => watcher.push(&piece),
            AnswerEvent::Finished(_) => break,
        };
        if breach.is_some() {
            return Ok((watcher.text().to_owned(), breach));
        }
    }
    Ok((watcher.text().to_owned(), None))
}

impl fmt::Debug for ValidateStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidateStage")
            .field("options", &self.rules.options)
            .finish_non_exhaustive()
    }
}
