//! All rules, applied to a whole answer; and what is done about one that breaks them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::judge::Judge;
use super::options::{ATTEMPT, Retry, ValidateOptions};
use super::repair::repaired;
use super::verdict::{Action, Breach};
use super::watcher::Watcher;
use crate::payload::{Passage, Payload};
use crate::stage::{Call, StageError};

/// The rules of a stage.
pub(super) struct Rules {
    pub(super) options: ValidateOptions,
    pub(super) judge: Option<Arc<dyn Judge>>,
}

/// The rules, with what they need to know of one request.
pub(super) struct Inspection {
    pub(super) rules: Arc<Rules>,
    passages: Vec<Passage>,
    /// For the judge.
    variables: Option<Map<String, Value>>,
    attempt: Option<u64>,
    call: Call,
}

/// Repairs of one answer, each of which may show the next fault.
const MAX_REPAIRS: usize = 4;

impl Inspection {
    pub(super) fn new(
        rules: &Arc<Rules>,
        payload: &Payload,
        call: &Call,
    ) -> Result<Self, StageError> {
        let grounding = rules.options.grounding.as_ref();
        let passages = grounding.map(|grounding| payload.read(&grounding.passages));
        let judged = rules.judge.is_some();
        Ok(Self {
            passages: passages.transpose()?.unwrap_or_default(),
            variables: judged.then(|| payload.variables().clone()),
            attempt: payload.get(ATTEMPT).and_then(Value::as_u64),
            rules: Arc::clone(rules),
            call: call.clone(),
        })
    }

    /// The first rule that a whole answer breaks.
    pub(super) async fn breach(&self, text: &str) -> Result<Option<Breach>, StageError> {
        let (_, breach) = Watcher::of(&self.rules.options, text);
        match breach {
            Some(breach) => Ok(Some(breach)),
            None => self.breach_of_whole(text).await,
        }
    }

    /// The first of the rules about the whole that an answer breaks.
    pub(super) async fn breach_of_whole(&self, text: &str) -> Result<Option<Breach>, StageError> {
        let options = &self.rules.options;
        let broken = |rule, reason| Breach {
            rule,
            reason,
            cut: None,
        };
        let schema = || options.json_schema.as_ref()?.fault(text);
        if let Some(reason) = schema() {
            return Ok(Some(broken("json_schema", reason)));
        }
        let language = || options.language.as_ref()?.fault(text);
        if let Some(reason) = language() {
            return Ok(Some(broken("language", reason)));
        }
        let grounding = || options.grounding.as_ref()?.fault(text, &self.passages);
        if let Some(reason) = grounding() {
            return Ok(Some(broken("grounding", reason)));
        }
        if let (Some(options), Some(judge), Some(variables)) =
            (&options.judge, &self.rules.judge, &self.variables)
        {
            let payload = Payload::of(variables.clone());
            let fault = options.fault(judge.as_ref(), payload, text, &self.call);
            return Ok(fault.await?.map(|reason| broken("judge", reason)));
        }
        Ok(None)
    }

    /// What stands for an answer that breaks a rule.
    pub(super) async fn remedy(
        &self,
        text: &str,
        breach: &Breach,
    ) -> Result<(String, Action), StageError> {
        let on_failure = &self.rules.options.on_failure;
        if on_failure.repair
            && let Some(repaired) = self.repair(text, breach).await?
        {
            return Ok((repaired, Action::Repaired));
        }
        let goes_on = |retry| match (retry, self.attempt) {
            (Retry::Always, _) | (Retry::Until(_), None) => true,
            (Retry::Until(last), Some(attempt)) => attempt < u64::from(last),
        };
        if on_failure.retry.is_some_and(goes_on) {
            return Ok((text.to_owned(), Action::Retry));
        }
        match &on_failure.fallback {
            Some(fallback) => Ok((fallback.clone(), Action::Fallback)),
            None => Err(self.refusal(breach)),
        }
    }

    /// The answer with everything repaired that can be, if it is valid then.
    pub(super) async fn repair(
        &self,
        text: &str,
        breach: &Breach,
    ) -> Result<Option<String>, StageError> {
        let (mut text, mut breach) = (text.to_owned(), breach.clone());
        for _ in 0..MAX_REPAIRS {
            let Some(better) = repaired(&self.rules.options, &text, &breach) else {
                return Ok(None);
            };
            match self.breach(&better).await? {
                None => return Ok(Some(better)),
                Some(next) => (text, breach) = (better, next),
            }
        }
        Ok(None)
    }

    /// What the client is told. The reason may cite the answer, so it goes to the log only.
    pub(super) fn refusal(&self, breach: &Breach) -> StageError {
        tracing::info!(
            request_id = self.call.request_id(),
            rule = breach.rule,
            reason = breach.reason,
            "an answer was refused"
        );
        let refusal = &self.rules.options.on_failure.refusal;
        let message = || {
            format!(
                "the answer was withheld, since it did not pass the check `{}`",
                breach.rule
            )
        };
        StageError::Refused {
            code: refusal
                .code
                .clone()
                .unwrap_or_else(|| "invalid_answer".to_owned()),
            message: refusal.message.clone().unwrap_or_else(message),
        }
    }
}
