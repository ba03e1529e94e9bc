//! How long something took lately.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::deployment::autoscaling::slo::ServiceTimes;

/// The last measurements, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Times(VecDeque<(Instant, Duration)>);

/// Measurements that are kept.
const MOST: usize = 512;
/// How long one counts.
const WINDOW: Duration = Duration::from_secs(60);
/// Measurements that count however old they are: what is asked seldom takes as long as it did.
const LEAST: usize = 32;

impl Times {
    pub(super) fn note(&mut self, now: Instant, took: Duration) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((now, took));
    }

    /// Their mean and their 95th percentile; nothing where nothing was measured.
    pub(super) fn summary(&self, now: Instant) -> Option<ServiceTimes> {
        let young = self.0.iter().rev();
        let young = young.take_while(|(at, _)| now.duration_since(*at) <= WINDOW);
        let count = young.count().max(LEAST).min(self.0.len());
        let mut took: Vec<Duration> = self.0.iter().rev().take(count).map(|(_, t)| *t).collect();
        took.sort_unstable();
        let sum: Duration = took.iter().sum();
        // The smallest value that 95 % are not above (the nearest rank).
        let rank = (took.len() * 95).div_ceil(100).checked_sub(1)?;
        Some(ServiceTimes {
            mean: sum / u32::try_from(took.len()).ok()?,
            p95: *took.get(rank)?,
        })
    }
}
