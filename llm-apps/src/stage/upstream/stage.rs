//! A provider as a stage of an application.

use super::request::UpstreamRequest;
use super::upstream::Upstream;
use crate::payload::{Payload, names};
use crate::stage::generate::GenerateOptions;
use crate::stage::{Call, Stage, StageError};

/// Has a provider's model answer. The answer goes on while it is made; dropping it closes the
/// connection, by which providers know that nobody listens.
#[derive(Debug)]
pub struct UpstreamStage {
    options: GenerateOptions,
    upstream: Upstream,
}

impl UpstreamStage {
    /// A stage that asks `upstream`, which is the one that the options name.
    pub fn new(options: GenerateOptions, upstream: Upstream) -> Self {
        Self { options, upstream }
    }
}

impl Stage for UpstreamStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, call: &Call) -> Result<Payload, StageError> {
        let request = UpstreamRequest::new(self.upstream.options(), &self.options, &payload)?;
        let answer = self.upstream.answer(&request, call).await?;
        if self.options.output == names::ANSWER {
            payload.set_answer(answer);
        } else {
            payload.set(&self.options.output, answer.text().await?);
        }
        Ok(payload)
    }
}
