//! What one measurement gave, in figures.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::Serialize;

use crate::client::{Failure, Sample};
use crate::latencies::Latencies;

/// A kind of figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    /// Tokens of all answers, per second of the whole measurement.
    OutputTokensPerSecond,
    /// Tokens of the prompts, per second from sending them to their first text.
    PromptTokensPerSecond,
    /// From the first request to the end of the last answer.
    TotalSeconds,
    /// The longest time between two frames of a running answer while another prompt came in.
    WorstGapMs,
    /// The median time between two frames of the same answers just before.
    GapBeforeMs,
    /// From the start of the program to its first text.
    StartMs,
    /// The most memory that the server's process has held, file pages included.
    PeakMemoryMib,
}

/// One measurement of one server.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    /// Its figures.
    pub(crate) figures: BTreeMap<Figure, f64>,
    /// Requests that were sent.
    pub(crate) requests: usize,
    /// Why some failed, each in full.
    pub(crate) failures: Vec<String>,
    /// Answers with fewer tokens than asked for, although the end was to be ignored.
    pub(crate) short_answers: usize,
    /// Time to the first text.
    pub(crate) ttft_ms: Latencies,
    /// Time between one frame with text and the next.
    pub(crate) itl_ms: Latencies,
}

impl Outcome {
    /// What the answers say, without figures as yet; each is to have `output` tokens.
    pub(crate) fn of(answers: &[Result<Sample, Failure>], output: u32) -> anyhow::Result<Self> {
        let samples: Vec<&Sample> = answers.iter().flatten().collect();
        let failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        let short = |sample: &&&Sample| sample.output_tokens < u64::from(output);
        Ok(Self {
            figures: BTreeMap::new(),
            requests: answers.len(),
            failures: failures.map(Failure::in_full).collect(),
            short_answers: samples.iter().filter(short).count(),
            ttft_ms: Latencies::of(samples.iter().map(|s| s.ttft))?,
            itl_ms: Latencies::of(samples.iter().flat_map(|s| s.gaps.iter().copied()))?,
        })
    }

    /// Adds a figure; one that is no number, as of nothing, is left out.
    pub(crate) fn set(&mut self, figure: Figure, value: f64) {
        if value.is_finite() {
            self.figures.insert(figure, value);
        }
    }
}

impl Figure {
    /// What it counts.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::OutputTokensPerSecond | Self::PromptTokensPerSecond => "tok/s",
            Self::TotalSeconds => "s",
            Self::WorstGapMs | Self::GapBeforeMs | Self::StartMs => "ms",
            Self::PeakMemoryMib => "MiB",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::OutputTokensPerSecond => "output",
            Self::PromptTokensPerSecond => "prompt",
            Self::TotalSeconds => "total",
            Self::WorstGapMs => "worst gap",
            Self::GapBeforeMs => "gap before",
            Self::StartMs => "start",
            Self::PeakMemoryMib => "peak memory",
        }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures.iter();
        let figures = figures
            .map(|(figure, value)| format!("{} {value:.1} {}", figure.name(), figure.unit()));
        write!(f, "{}", figures.collect::<Vec<_>>().join(", "))?;
        if !self.failures.is_empty() {
            write!(f, ", {} of {} failed", self.failures.len(), self.requests)?;
        }
        if self.short_answers > 0 {
            write!(f, ", {} answers too short", self.short_answers)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample(tokens: u64) -> Sample {
        Sample {
            ttft: Duration::from_millis(20),
            gaps: vec![Duration::from_millis(5); 3],
            total: Duration::from_millis(35),
            prompt_tokens: Some(10),
            output_tokens: tokens,
        }
    }

    #[test]
    fn failures_and_short_answers_are_counted_and_shown() {
        let answers = [Ok(sample(4)), Ok(sample(3)), Err(Failure::NotDone)];
        let mut outcome = Outcome::of(&answers, 4).unwrap();
        outcome.set(Figure::TotalSeconds, 1.25);
        outcome.set(Figure::PromptTokensPerSecond, f64::NAN);
        assert_eq!(outcome.figures.len(), 1, "what is no number is no figure");
        assert_eq!(outcome.failures, ["the stream ends without [DONE]"]);
        assert_eq!(
            outcome.to_string(),
            "total 1.2 s, 1 of 3 failed, 1 answers too short"
        );
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!(json["figures"]["total_seconds"], 1.25);
        assert_eq!(json["ttft_ms"]["p50"], json["ttft_ms"]["max"]);
    }
}
