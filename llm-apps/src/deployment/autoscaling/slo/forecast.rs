//! The latency of an application, foreseen for some numbers of replicas.

use std::time::Duration;

use super::moments::Moments;
use super::objective::Objective;
use super::stage::StageLoad;

/// What is foreseen for one objective. Times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// What is bounded.
    pub objective: Objective,
    /// The bound.
    pub bound: f64,
    /// The 95th percentile that is foreseen.
    pub p95: f64,
    /// The part of each stage, in their order.
    pub shares: Vec<Share>,
}

/// A stage's part of a percentile: its means, and of what the percentile lies above the mean as much
/// as its variances contribute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share {
    /// Seconds of waiting.
    pub wait: f64,
    /// Seconds of service.
    pub service: f64,
    /// Seconds of the bound that fall to this stage, in proportion to the stages' services.
    pub budget: f64,
}

impl Forecast {
    /// The percentile in units of the bound: above 1 the objective is broken.
    pub fn ratio(&self) -> f64 {
        self.p95 / self.bound
    }
}

/// Foresees `objective` for `stages` with `replicas` each. None if no stage has to do with it.
///
/// Stages of parallel branches count one after the other, which is on the safe side.
pub fn forecast(
    objective: Objective,
    bound: Duration,
    stages: &[StageLoad],
    replicas: &[u32],
) -> Option<Forecast> {
    let bound = bound.as_secs_f64();
    let (p95, mut shares) = match objective {
        Objective::InterTokenLatency => between_tokens(stages, replicas)?,
        Objective::TimeToFirstToken => summed(stages, replicas, |stage| {
            stage.until_first_token.map(Moments::from)
        })?,
        Objective::Total => summed(stages, replicas, |stage| stage.until_end.map(Moments::from))?,
    };
    let services: f64 = shares.iter().map(|share| share.service).sum();
    for share in &mut shares {
        if services > 0.0 {
            share.budget = bound * share.service / services;
        }
    }
    Some(Forecast {
        objective,
        bound,
        p95,
        shares,
    })
}

/// Waits and services, one after the other. `service` is what a stage spends that counts here.
fn summed(
    stages: &[StageLoad],
    replicas: &[u32],
    service: impl Fn(&StageLoad) -> Option<Moments>,
) -> Option<(f64, Vec<Share>)> {
    let parts: Vec<(Moments, Moments)> = stages
        .iter()
        .zip(replicas)
        .map(|(stage, replicas)| match service(stage) {
            Some(service) => (
                stage.wait(*replicas).times(stage.visits()),
                service.times(stage.visits()),
            ),
            None => (Moments::default(), Moments::default()),
        })
        .collect();
    if stages.iter().all(|stage| service(stage).is_none()) {
        return None;
    }
    let whole = parts
        .iter()
        .fold(Moments::default(), |sum, (wait, service)| {
            sum.plus(*wait).plus(*service)
        });
    let p95 = whole.p95();
    // Of each unit of variance so much of what the percentile lies above the mean.
    let above = if whole.variance > 0.0 {
        (p95 - whole.mean) / whole.variance
    } else {
        0.0
    };
    let part = |m: &Moments| m.mean + m.variance * above;
    let shares = parts
        .iter()
        .map(|(wait, service)| Share {
            wait: part(wait),
            service: part(service),
            budget: 0.0,
        })
        .collect();
    Some((p95, shares))
}

/// The slowest stage that streams. What was measured with the running replicas grows and shrinks with
/// the streams that one replica serves at once: a step of decoding takes as long as its batch is
/// large, or less.
fn between_tokens(stages: &[StageLoad], replicas: &[u32]) -> Option<(f64, Vec<Share>)> {
    let mut shares = vec![Share::default(); stages.len()];
    let mut slowest: Option<(usize, f64)> = None;
    for (index, (stage, replicas)) in stages.iter().zip(replicas).enumerate() {
        let Some(measured) = stage.between_tokens else {
            continue;
        };
        let crowd = stage.streams(*replicas) / stage.streams(stage.running_replicas);
        let p95 = measured.p95.as_secs_f64() * crowd;
        if slowest.is_none_or(|(_, most)| p95 > most) {
            slowest = Some((index, p95));
        }
    }
    let (index, p95) = slowest?;
    shares[index].service = p95;
    Some((p95, shares))
}
