//! Closed loop: so many clients, each sending its next request when it has read its answer.

use std::sync::Arc;

use tokio::time::Instant;

use crate::arrivals::closed_loop;
use crate::client::Caller;
use crate::outcome::{Figure, Outcome};
use crate::request::{Prompts, Shape};

/// How many clients send how many requests of what shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedLoop {
    pub(crate) clients: u32,
    /// Over all clients.
    pub(crate) requests: u32,
    pub(crate) shape: Shape,
}

impl ClosedLoop {
    /// Runs it with the prompts of `measurement`.
    pub(crate) async fn run(
        &self,
        caller: &Caller,
        prompts: &Prompts,
        measurement: u32,
    ) -> anyhow::Result<Outcome> {
        // Written before the clock runs.
        let requests: Arc<Vec<_>> = (0..self.requests)
            .map(|number| prompts.write(self.shape, measurement, number))
            .collect::<Vec<_>>()
            .into();
        let caller = caller.clone();
        let start = Instant::now();
        let answers = closed_loop(self.clients, self.requests, move |number| {
            let (caller, requests) = (caller.clone(), Arc::clone(&requests));
            async move { caller.send(&requests[number as usize]).await }
        })
        .await?;
        let seconds = start.elapsed().as_secs_f64();

        let mut outcome = Outcome::of(&answers, self.shape.output)?;
        let samples: Vec<_> = answers.iter().flatten().collect();
        let output: u64 = samples.iter().map(|sample| sample.output_tokens).sum();
        let prompt = samples.len() as f64 * f64::from(self.shape.prompt());
        let waited: f64 = samples.iter().map(|sample| sample.ttft.as_secs_f64()).sum();
        outcome.set(Figure::OutputTokensPerSecond, output as f64 / seconds);
        outcome.set(Figure::TotalSeconds, seconds);
        if self.clients == 1 {
            // With more clients their waits overlap, and the quotient means nothing.
            outcome.set(Figure::PromptTokensPerSecond, prompt / waited);
        }
        Ok(outcome)
    }
}
