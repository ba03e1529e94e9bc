//! Which stage to grow and which to shrink: what each change would do to the objectives.

use std::time::Duration;

use super::config::SloConfig;
use super::forecast::{Forecast, forecast};
use super::stage::StageLoad;

/// How much of each objective may be used up once a replica is gone. Between this and 1 nothing
/// changes.
pub const REMOVAL_MARGIN: f64 = 0.8;
/// The load of a stage above which it grows, whatever the objectives say: its queue would not settle.
pub(super) const MOST_LOAD: f64 = 0.98;
/// The load of a stage that it is grown or shrunk to at most.
const AIMED_LOAD: f64 = 0.85;
/// What a replica must take off an objective to be worth it, in units of the bound.
const LEAST_GAIN: f64 = 0.02;
/// What a removal may add to an objective that is used up already: so little that it is not missed,
/// and that adding it again would not be worth it.
const MOST_HARM: f64 = LEAST_GAIN / 4.0;
/// The most replicas by which an objective changes a stage at once; what is left follows after the
/// next delay.
const MOST_AT_ONCE: u32 = 64;

/// A stage with another number of replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The stage's index.
    pub(super) stage: usize,
    /// Its replicas then.
    pub(super) replicas: u32,
}

/// The objectives that apply, at `replicas`.
pub(super) fn forecasts(slo: &SloConfig, stages: &[StageLoad], replicas: &[u32]) -> Vec<Forecast> {
    slo.objectives()
        .iter()
        .filter_map(|(objective, bound)| forecast(*objective, *bound, stages, replicas))
        .collect()
}

/// The stage with the highest load above what settles, with the load.
pub(super) fn overloaded(stages: &[StageLoad], may_grow: bool) -> Option<(usize, f64)> {
    stages
        .iter()
        .enumerate()
        .filter(|(_, stage)| !may_grow || stage.target_replicas < stage.bounds.max)
        .map(|(index, stage)| (index, stage.load(stage.target_replicas)))
        .filter(|(_, load)| *load > MOST_LOAD)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// The replicas with which an overloaded stage has places enough.
pub(super) fn relieved(stages: &[StageLoad], stage: usize) -> Candidate {
    let it = &stages[stage];
    let mut replicas = it.target_replicas.max(1);
    while replicas < it.bounds.max && it.load(replicas) > AIMED_LOAD {
        replicas += 1;
    }
    Candidate { stage, replicas }
}

/// The stage whose next replica takes most off `broken`, with as many more as that objective needs
/// and as this stage stays the best for. With `bounded`, only stages below their `max_replicas`.
pub(super) fn growth(stages: &[StageLoad], broken: &Forecast, bounded: bool) -> Option<Candidate> {
    let mut replicas = targets(stages);
    let (stage, mut p95) = best_next(stages, broken, &replicas, broken.p95, bounded)?;
    replicas[stage] += 1;
    for _ in 1..MOST_AT_ONCE {
        if p95 <= broken.bound {
            break;
        }
        match best_next(stages, broken, &replicas, p95, bounded) {
            Some((next, after)) if next == stage => {
                replicas[stage] += 1;
                p95 = after;
            }
            _ => break,
        }
    }
    Some(Candidate {
        stage,
        replicas: replicas[stage],
    })
}

/// The replicas that `stage` needs if it has more than that: so few that every objective still holds
/// with its margin, or is not harmed.
pub(super) fn needed(
    slo: &SloConfig,
    stages: &[StageLoad],
    now: &[Forecast],
    stage: usize,
) -> Option<u32> {
    let it = &stages[stage];
    let mut replicas = targets(stages);
    let least = it
        .bounds
        .min
        .max(u32::from(it.target_replicas > 1 || it.rate() > 0.0))
        .max(it.target_replicas.saturating_sub(MOST_AT_ONCE));
    let mut found = None;
    while replicas[stage] > least {
        replicas[stage] -= 1;
        let after = forecasts(slo, stages, &replicas);
        let held = after.iter().zip(now).all(|(after, now)| {
            after.ratio() <= REMOVAL_MARGIN || after.ratio() <= now.ratio() + MOST_HARM
        });
        if !held || it.load(replicas[stage]) > AIMED_LOAD {
            break;
        }
        found = Some(replicas[stage]);
    }
    found
}

/// The worst of all objectives, in units of its bound, if `candidate` came true.
pub(super) fn worst_after(slo: &SloConfig, stages: &[StageLoad], candidate: Candidate) -> f64 {
    let mut replicas = targets(stages);
    replicas[candidate.stage] = candidate.replicas;
    forecasts(slo, stages, &replicas)
        .iter()
        .map(Forecast::ratio)
        .fold(0.0, f64::max)
}

/// The target of each stage.
pub(super) fn targets(stages: &[StageLoad]) -> Vec<u32> {
    stages.iter().map(|stage| stage.target_replicas).collect()
}

/// The stage whose next replica takes most off the objective, which is `p95` now, with what it is
/// then; none if no replica is worth it.
fn best_next(
    stages: &[StageLoad],
    broken: &Forecast,
    replicas: &[u32],
    p95: f64,
    bounded: bool,
) -> Option<(usize, f64)> {
    let bound = Duration::try_from_secs_f64(broken.bound).unwrap_or_default();
    let mut trial = replicas.to_vec();
    let mut best: Option<(usize, f64)> = None;
    for (index, stage) in stages.iter().enumerate() {
        if bounded && replicas[index] >= stage.bounds.max {
            continue;
        }
        trial[index] += 1;
        if let Some(after) = forecast(broken.objective, bound, stages, &trial)
            && after.p95 <= p95 - LEAST_GAIN * broken.bound
            && best.is_none_or(|(_, least)| after.p95 < least)
        {
            best = Some((index, after.p95));
        }
        trial[index] = replicas[index];
    }
    best
}
