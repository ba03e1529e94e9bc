//! Measures one request, and counts it exactly once however it ends: as an answer, as an error, or
//! because its client left, which is what dropping the meter means.

use std::sync::Arc;

use llm_apps::stage::generate::FinishReason;
use tokio::time::Instant;

use super::ModelMetrics;
use super::model::GenAi;

/// OpenTelemetry's name for what a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `chat`
    Chat,
    /// `text_completion`
    TextCompletion,
}

/// The measurements of one request.
pub(crate) struct Meter {
    metrics: Arc<ModelMetrics>,
    operation: Operation,
    arrived: Instant,
    first: Option<Instant>,
    /// When each choice last grew.
    previous: Vec<Option<Instant>>,
    output_tokens: u32,
    counted: bool,
}

impl Meter {
    /// Starts measuring a request that arrived at `arrived` and will have `choices` answers.
    pub(crate) fn new(
        metrics: Arc<ModelMetrics>,
        operation: Operation,
        arrived: Instant,
        choices: usize,
    ) -> Self {
        Self {
            metrics,
            operation,
            arrived,
            first: None,
            previous: vec![None; choices],
            output_tokens: 0,
            counted: false,
        }
    }

    /// A choice grew by `tokens`.
    pub(crate) fn grew(&mut self, choice: usize, tokens: u32, now: Instant) {
        if self.first.is_none() {
            self.first = Some(now);
            let wait = now - self.arrived;
            self.metrics.first_token.record(wait);
            self.gen_ai().first_token.record(wait);
        }
        if let Some(previous) = self.previous.get_mut(choice)
            && let Some(before) = previous.replace(now)
        {
            self.metrics.inter_token.record(now - before);
        }
        self.count(tokens);
    }

    /// A choice is complete; `tokens` of it were in no piece, as a stop token is.
    pub(crate) fn finished(&mut self, reason: &FinishReason, tokens: u32) {
        self.count(tokens);
        match reason {
            FinishReason::Stop { .. } => self.metrics.stopped.increment(1),
            FinishReason::Length => self.metrics.cut_by_length.increment(1),
        }
    }

    /// All choices are complete.
    pub(crate) fn ended(&mut self, prompt_tokens: u32, now: Instant) {
        self.counted = true;
        let whole = now - self.arrived;
        self.metrics.whole.record(whole);
        self.metrics.prompt_tokens.increment(u64::from(prompt_tokens));
        let gen_ai = self.gen_ai();
        gen_ai.duration.record(whole);
        gen_ai.input_tokens.record(f64::from(prompt_tokens));
        gen_ai.output_tokens.record(f64::from(self.output_tokens));
        if let Some(first) = self.first
            && self.output_tokens > 1
        {
            let rest = (now - first).as_secs_f64();
            gen_ai.per_token.record(rest / f64::from(self.output_tokens - 1));
        }
    }

    /// The request ends with an error.
    pub(crate) fn failed(&mut self) {
        self.counted = true;
        self.metrics.failed.increment(1);
    }

    fn count(&mut self, tokens: u32) {
        self.output_tokens = self.output_tokens.saturating_add(tokens);
        self.metrics.generation_tokens.increment(u64::from(tokens));
    }

    fn gen_ai(&self) -> &GenAi {
        match self.operation {
            Operation::Chat => &self.metrics.chat,
            Operation::TextCompletion => &self.metrics.text_completion,
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.counted {
            self.metrics.aborted.increment(1);
        }
    }
}
