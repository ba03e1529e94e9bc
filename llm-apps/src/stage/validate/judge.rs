//! Another model's word on an answer.

use futures::future::BoxFuture;

use crate::payload::{Payload, names};
use crate::stage::{Call, StageError};
use crate::template::Condition;

/// Whom to ask, and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeOptions {
    /// The deployments of the application that are called one after the other, such as a prompt and a
    /// model. They see all variables, `answer` among them.
    pub steps: Vec<String>,
    /// What must hold of the variables behind them for the answer to pass.
    pub pass: Condition,
}

/// Calls the deployments of [`JudgeOptions::steps`].
pub trait Judge: Send + Sync + 'static {
    /// The variables behind the last of them.
    ///
    /// # Errors
    /// That of the first that fails.
    fn ask<'a>(
        &'a self,
        payload: Payload,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Payload, StageError>>;
}

impl JudgeOptions {
    /// What is wrong with an answer, if the judge does not let it pass.
    pub(super) async fn fault(
        &self,
        judge: &dyn Judge,
        mut payload: Payload,
        answer: &str,
        call: &Call,
    ) -> Result<Option<String>, StageError> {
        payload.set(names::ANSWER, answer);
        let mut after = judge.ask(payload, call).await?;
        after.complete().await?;
        let holds = self.pass.holds(after.variables());
        let holds = holds.map_err(|error| StageError::failed(error.to_string()))?;
        if holds {
            return Ok(None);
        }
        let said = after
            .text(names::ANSWER)
            .ok()
            .filter(|said| *said != answer);
        let said: String = said
            .unwrap_or_default()
            .trim()
            .chars()
            .take(MAX_SAID)
            .collect();
        Ok(Some(if said.is_empty() {
            "the judge does not let the answer pass".to_owned()
        } else {
            format!("the judge does not let the answer pass and says: {said}")
        }))
    }
}

/// Characters of a judge's words that a reason cites.
const MAX_SAID: usize = 500;
