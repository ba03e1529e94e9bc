//! An application that runs: its deployments, and the pipeline over them.

use std::sync::Arc;

use serde_json::Value;

use crate::deployment::Deployment;
use crate::payload::{Answer, Payload, VariableError, names};
use crate::pipeline::{Pipeline, PipelineError};
use crate::stage::Call;

use super::status::ApplicationStatus;

/// What an application is made of.
#[derive(Debug)]
pub struct ApplicationParts {
    /// The name under which it is served, as a model and in `status`.
    pub name: Arc<str>,
    /// The path below which it is served by itself; `None` serves it as a model only.
    pub route_prefix: Option<Arc<str>>,
    /// The variable that is its answer.
    pub output: Arc<str>,
    /// The way of its requests.
    pub pipeline: Pipeline,
    /// Its deployments by name, those that are called behind those that call them.
    pub deployments: Vec<(Arc<str>, Deployment<Payload, Payload>)>,
    /// When it was deployed, in seconds since 1970.
    pub deployed: f64,
}

/// See the module.
#[derive(Debug)]
pub struct Application {
    parts: ApplicationParts,
}

impl Application {
    /// Puts an application together.
    pub fn new(parts: ApplicationParts) -> Self {
        Self { parts }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// The path below which it is served by itself.
    pub fn route_prefix(&self) -> Option<&str> {
        self.parts.route_prefix.as_deref()
    }

    /// The variable that is its answer.
    pub fn output(&self) -> &str {
        &self.parts.output
    }

    /// When it was deployed, in seconds since 1970.
    pub fn deployed(&self) -> f64 {
        self.parts.deployed
    }

    /// The same in whole seconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time after 1970 has a sign and a size that fit"
    )]
    pub fn created(&self) -> u64 {
        self.parts.deployed as u64
    }

    /// Sends a payload through the pipeline. See [`Pipeline::run`].
    ///
    /// # Errors
    /// [`PipelineError`] of the first step that fails.
    pub async fn answer(&self, payload: Payload, call: &Call) -> Result<Payload, PipelineError> {
        self.parts.pipeline.run(payload, call).await
    }

    /// The application's answer to a payload as a text that is read piece by piece, and the passages that
    /// it was made from (null where nothing is looked up). An answer that is no text is written as JSON.
    ///
    /// # Errors
    /// [`PipelineError`] of the first step that fails before the answer begins.
    pub async fn text(
        &self,
        payload: Payload,
        call: &Call,
    ) -> Result<(Answer, Value), PipelineError> {
        let mut payload = self.answer(payload, call).await?;
        let sources = payload.get(names::PASSAGES).cloned().unwrap_or_default();
        let output = &*self.parts.output;
        let answer = match payload.take_answer() {
            Some(answer) if output == names::ANSWER => answer,
            _ => match payload.get(output) {
                Some(Value::String(text)) => Answer::of(text.clone()),
                Some(value) => Answer::of(value.to_string()),
                None => {
                    let missing = VariableError::Missing(output.to_owned());
                    return Err(PipelineError::Answer(missing.into()));
                }
            },
        };
        Ok((answer, sources))
    }

    /// How it stands.
    pub fn status(&self) -> ApplicationStatus {
        let deployments = self.parts.deployments.iter();
        let told = deployments.map(|(name, deployment)| (name.to_string(), deployment.status()));
        ApplicationStatus::of(told.collect(), self.parts.deployed, false)
    }

    /// Ends the deployments, callers before those whom they call, so that nothing is dropped that has
    /// begun.
    pub async fn shut_down(self) {
        for (_, deployment) in self.parts.deployments {
            deployment.shut_down().await;
        }
    }
}
