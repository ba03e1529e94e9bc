//! The ongoing requests of a deployment over the last seconds, of all who count them.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use super::aggregation::Aggregation;
use super::config::AutoscalingConfig;
use super::decide::Stats;
use super::series::Series;

/// The most sources of one deployment.
pub const MOST_SOURCES: usize = 32_768;

/// Who counts ongoing requests. The numbers are the caller's and are not used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A handle or the deployment's queue: requests that wait for a replica.
    Handle(u64),
    /// A replica: requests that run on it.
    Replica(u64),
}

/// There are more handles and replicas than a deployment can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{source_of:?} is not counted, {MOST_SOURCES} sources of one deployment are")]
pub struct TooManySources {
    /// The one that was refused.
    pub source_of: Source,
}

/// Merges the step functions of several sources over `look_back_period_s`.
///
/// A source is 0 before its first report, which it should give when it begins to exist. The window
/// opens `look_back_period_s` ago, or with the first report of any if that is later. The sources are
/// summed at each instant *before* the sum is aggregated, so that peaks count together only if they
/// were at the same time. Memory is bounded: [`MOST_SOURCES`] times some hundred steps.
#[derive(Debug, Clone)]
pub struct OngoingWindow {
    look_back: Duration,
    stale_after: Duration,
    aggregation: Aggregation,
    sources: BTreeMap<Source, Counted>,
}

#[derive(Debug, Clone)]
struct Counted {
    series: Series,
    /// When the last report came.
    heard: Duration,
    /// It ended in order: it counts 0 from then on, and what it counted before stays true.
    retired: bool,
}

impl OngoingWindow {
    /// An empty window as `config` wants it.
    pub fn new(config: &AutoscalingConfig) -> OngoingWindow {
        OngoingWindow {
            look_back: config.look_back_period(),
            stale_after: config.stale_after(),
            aggregation: config.aggregation_function(),
            sources: BTreeMap::new(),
        }
    }

    /// Takes the numbers of another configuration; what was counted stays.
    pub fn reconfigure(&mut self, config: &AutoscalingConfig) {
        self.look_back = config.look_back_period();
        self.stale_after = config.stale_after();
        self.aggregation = config.aggregation_function();
    }

    /// `source` has `ongoing` requests from `now` on. Call it at each change, and without a change at
    /// least each `metrics_interval_s`, or the source is taken for dead. A report that is older than
    /// the source's last is ignored.
    ///
    /// # Errors
    /// [`TooManySources`] for a new source beyond the last.
    pub fn record(
        &mut self,
        source: Source,
        now: Duration,
        ongoing: u32,
    ) -> Result<(), TooManySources> {
        if !self.sources.contains_key(&source) && self.sources.len() >= MOST_SOURCES {
            return Err(TooManySources { source_of: source });
        }
        let counted = self.sources.entry(source).or_insert_with(|| Counted {
            series: Series::default(),
            heard: now,
            retired: false,
        });
        let start = now.saturating_sub(self.look_back);
        counted.series.trim(start);
        counted
            .series
            .push(now, f64::from(ongoing), self.aggregation);
        counted.heard = counted.heard.max(now);
        counted.retired = false;
        Ok(())
    }

    /// `source` ended in order at `now`, as a replica that was drained: what it counted stays in the
    /// window until it is older than that.
    pub fn retire(&mut self, source: Source, now: Duration) {
        if let Some(counted) = self.sources.get_mut(&source) {
            counted.series.push(now, 0.0, self.aggregation);
            counted.heard = counted.heard.max(now);
            counted.retired = true;
        }
    }

    /// What a tick looks at, where `running_replicas` can take requests.
    pub fn stats(&mut self, running_replicas: u32, now: Duration) -> Stats {
        Stats {
            running_replicas,
            total_requests: self.total(now),
            current_requests: self.latest(),
        }
    }

    /// The aggregate of all sources at `now`: requests, running and queued. Forgets what is too old,
    /// and sources that were silent for `max(2 * metrics_interval_s, 10 s)`, with all they said.
    pub fn total(&mut self, now: Duration) -> f64 {
        self.forget(now);
        let firsts = self.sources.values().filter_map(|c| c.series.first());
        let Some(first) = firsts.min() else {
            return 0.0;
        };
        let start = first.max(now.saturating_sub(self.look_back));
        if start >= now {
            return self.latest();
        }
        match self.aggregation {
            // The mean of a sum is the sum of the means: nothing needs to be sorted.
            Aggregation::Mean => {
                let sum: f64 = self
                    .sources
                    .values()
                    .map(|c| c.series.integral(start, now))
                    .sum();
                sum / (now - start).as_secs_f64()
            }
            Aggregation::Max => self.merged(start).fold(0.0, f64::max),
            Aggregation::Min => self.merged(start).fold(f64::INFINITY, f64::min),
        }
    }

    /// Ongoing requests now: the sum of the latest reports.
    pub fn latest(&self) -> f64 {
        self.sources.values().map(|c| c.series.latest()).sum()
    }

    /// The sources that are counted, retired ones included.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    fn forget(&mut self, now: Duration) {
        let (look_back, stale_after) = (self.look_back, self.stale_after);
        self.sources.retain(|_, counted| {
            let silent = now.saturating_sub(counted.heard);
            silent
                < if counted.retired {
                    look_back
                } else {
                    stale_after
                }
        });
        let start = now.saturating_sub(look_back);
        for counted in self.sources.values_mut() {
            counted.series.trim(start);
        }
    }

    /// The values that the sum of all sources had since `start`, in the order of time.
    fn merged(&self, start: Duration) -> impl Iterator<Item = f64> {
        let mut changes: Vec<(Duration, f64)> = Vec::new();
        for counted in self.sources.values() {
            let mut before = 0.0;
            for step in counted.series.steps() {
                changes.push((step.at.max(start), step.value - before));
                before = step.value;
            }
        }
        changes.sort_by_key(|(at, _)| *at);
        let mut values = Vec::with_capacity(changes.len());
        let mut sum = 0.0;
        let mut changes = changes.into_iter().peekable();
        while let Some((at, change)) = changes.next() {
            sum += change;
            // Changes of one instant are one change.
            if changes.peek().is_none_or(|(next, _)| *next > at) {
                values.push(sum);
            }
        }
        values.into_iter()
    }
}
