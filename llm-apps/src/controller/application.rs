//! An application that runs: its deployments, and the pipeline over them.

use std::sync::Arc;

use crate::deployment::Deployment;
use crate::payload::Payload;
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

    /// Sends a payload through the pipeline. See [`Pipeline::run`].
    ///
    /// # Errors
    /// [`PipelineError`] of the first step that fails.
    pub async fn answer(&self, payload: Payload, call: &Call) -> Result<Payload, PipelineError> {
        self.parts.pipeline.run(payload, call).await
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
