//! One source's ongoing requests over time, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use super::aggregation::Aggregation;

/// The most steps that are kept of one source. A window of 30 seconds in which a count changes at
/// each instant is then told by steps of 0.1 to 0.2 seconds.
pub(super) const MOST_STEPS: usize = 256;

/// A count that holds from `at` until the next step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// Since when.
    pub(super) at: Duration,
    /// Requests. Whole, unless steps were joined to their mean.
    pub(super) value: f64,
}

/// A step function: 0 before its first step, and its last value from its last step on.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    steps: VecDeque<Step>,
}

impl Series {
    /// Since when there is a value.
    pub(super) fn first(&self) -> Option<Duration> {
        self.steps.front().map(|step| step.at)
    }

    /// The latest value.
    pub(super) fn latest(&self) -> f64 {
        self.steps.back().map_or(0.0, |step| step.value)
    }

    /// The steps, from the oldest.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        self.steps.iter().copied()
    }

    /// The value from `at` on. One that is older than the latest is ignored: reports may overtake
    /// each other. When there are too many steps, neighbours are joined as `keep` asks, so that the
    /// aggregate of the whole stays the same.
    pub(super) fn push(&mut self, at: Duration, value: f64, keep: Aggregation) {
        if let Some(last) = self.steps.back_mut() {
            if at < last.at || (last.value - value).abs() <= 0.0 {
                return;
            }
            if at == last.at {
                last.value = value;
                return;
            }
        }
        if self.steps.len() == MOST_STEPS {
            self.halve(keep);
        }
        self.steps.push_back(Step { at, value });
    }

    /// Forgets the steps that ended before `start`.
    pub(super) fn trim(&mut self, start: Duration) {
        while self.steps.get(1).is_some_and(|next| next.at <= start) {
            self.steps.pop_front();
        }
    }

    /// Request-seconds from `start` to `end`.
    pub(super) fn integral(&self, start: Duration, end: Duration) -> f64 {
        let ends = self.steps.iter().skip(1).map(|next| next.at).chain([end]);
        self.steps
            .iter()
            .zip(ends)
            .map(|(step, until)| {
                let lasts = until.min(end).saturating_sub(step.at.max(start));
                step.value * lasts.as_secs_f64()
            })
            .sum()
    }

    /// Joins each two neighbours that have ended; the last step has not.
    fn halve(&mut self, keep: Aggregation) {
        let old: Vec<Step> = self.steps.drain(..).collect();
        let mut rest = old.as_slice();
        while let [a, b, c, ..] = rest {
            self.steps.push_back(join(*a, *b, c.at, keep));
            rest = &rest[2..];
        }
        self.steps.extend(rest);
    }
}

/// One step in place of `a` and of `b`, which ends at `end`.
fn join(a: Step, b: Step, end: Duration, keep: Aggregation) -> Step {
    let value = match keep {
        Aggregation::Max => a.value.max(b.value),
        Aggregation::Min => a.value.min(b.value),
        Aggregation::Mean => {
            let (first, second) = (seconds(a.at, b.at), seconds(b.at, end));
            (a.value * first + b.value * second) / (first + second)
        }
    };
    Step { at: a.at, value }
}

/// Never 0 between two steps of a series, as those of one instant are one step.
fn seconds(from: Duration, to: Duration) -> f64 {
    to.saturating_sub(from).as_secs_f64()
}
