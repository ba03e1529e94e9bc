//! One tick of the planner: at most one stage changes.

use std::time::Duration;

use crate::deployment::autoscaling::decision::{Decision, PolicyName};

use super::candidates::{
    Candidate, forecasts, growth, needed, overloaded, relieved, targets, worst_after,
};
use super::config::SloConfig;
use super::forecast::Forecast;
use super::objective::Objective;
use super::stage::StageLoad;
use super::state::PlannerState;

/// What the planner wants, and what it foresees.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The one stage that changes, if any does.
    pub change: Option<Change>,
    /// Why, in words; also why nothing changes.
    pub reason: String,
    /// What is foreseen for each objective at the targets before the change.
    pub forecasts: Vec<Forecast>,
}

/// A stage's new target.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The stage's index.
    pub stage: usize,
    /// The change itself.
    pub decision: Decision,
}

/// Plans the stages of one application at `now`. Meant to be called about each second, with what was
/// measured over the last minute or so. A target that a plan gives is always within its bounds.
pub fn plan(
    slo: &SloConfig,
    stages: &[StageLoad],
    state: &mut PlannerState,
    now: Duration,
) -> Plan {
    state.retain(stages);
    let forecasts = forecasts(slo, stages, &targets(stages));
    let (candidate, why) = at_once(stages)
        .or_else(|| grow(stages, &forecasts, state, now))
        .unwrap_or_else(|| shrink(slo, stages, &forecasts, state, now));
    let Some(Candidate { stage, replicas }) = candidate else {
        return Plan {
            change: None,
            reason: why,
            forecasts,
        };
    };
    let it = &stages[stage];
    let prev = it.target_replicas;
    state.spare.remove(&it.name);
    if replicas > prev {
        state.grown.insert(it.name.clone(), now);
    }
    let reason = format!("{why}; {prev} -> {replicas} replicas");
    let decision = Decision {
        timestamp: now,
        prev_num_replicas: prev,
        curr_num_replicas: replicas,
        policy: PolicyName::Slo,
        reason: reason.clone(),
    };
    Plan {
        change: Some(Change { stage, decision }),
        reason,
        forecasts,
    }
}

type Choice = (Option<Candidate>, String);

/// What waits for no delay: a target outside of its bounds, and requests for a stage at zero.
fn at_once(stages: &[StageLoad]) -> Option<Choice> {
    stages.iter().enumerate().find_map(|(stage, it)| {
        let (name, bounds) = (&it.name, it.bounds);
        let within = bounds.clamp(it.target_replicas);
        if within != it.target_replicas {
            let why = format!("bounds of {name} are {} to {}", bounds.min, bounds.max);
            let replicas = within;
            return Some((Some(Candidate { stage, replicas }), why));
        }
        if it.target_replicas == 0 && bounds.max > 0 && it.rate() > 0.0 {
            let why = format!("cold start: requests come to {name} and it has no replica");
            return Some((Some(Candidate { stage, replicas: 1 }), why));
        }
        None
    })
}

/// What a broken objective asks for. None if nothing is broken, or nothing that replicas mend.
fn grow(
    stages: &[StageLoad],
    forecasts: &[Forecast],
    state: &mut PlannerState,
    now: Duration,
) -> Option<Choice> {
    let Some((candidate, why)) = remedy(stages, forecasts) else {
        state.broken_since = None;
        return None;
    };
    state.broken_since.get_or_insert(now);
    state.spare.clear();
    let it = &stages[candidate.stage];
    let lasted = state.broken_for(&it.name, now);
    if lasted >= it.delays.upscale {
        return Some((Some(candidate), why));
    }
    let why = format!(
        "{why}; for {:.1} s of the {:.1} s of upscale_delay_s",
        lasted.as_secs_f64(),
        it.delays.upscale.as_secs_f64()
    );
    Some((None, why))
}

/// The best change upwards, and what is wrong.
fn remedy(stages: &[StageLoad], forecasts: &[Forecast]) -> Option<(Candidate, String)> {
    if let Some((stage, load)) = overloaded(stages, true) {
        let why = format!(
            "{} is asked for {:.0} % of what its replicas can do",
            stages[stage].name,
            load * 100.0
        );
        return Some((relieved(stages, stage), why));
    }
    let broken = broken(forecasts)?;
    let candidate = growth(stages, broken, true)?;
    let it = &stages[candidate.stage];
    let what = match broken.objective {
        Objective::InterTokenLatency => format!(
            "{} serves {:.1} streams a replica",
            it.name,
            it.streams(it.target_replicas)
        ),
        Objective::TimeToFirstToken | Objective::Total => {
            let wait = broken.shares[candidate.stage].wait;
            format!("{} waits {wait:.1} s of it", it.name)
        }
    };
    Some((candidate, format!("{}: {what}", excess(broken))))
}

/// What can be done without.
fn shrink(
    slo: &SloConfig,
    stages: &[StageLoad],
    forecasts: &[Forecast],
    state: &mut PlannerState,
    now: Duration,
) -> Choice {
    if let Some(stage) = stages.iter().find(|stage| stage.unmeasured()) {
        state.spare.clear();
        let why = format!("no request of {} was measured yet", stage.name);
        return (None, why);
    }
    let mut best: Option<(Candidate, f64)> = None;
    let mut waiting = None;
    for (stage, it) in stages.iter().enumerate() {
        let needed = needed(slo, stages, forecasts, stage);
        let Some(spare) = state.note_spare(it, needed, now) else {
            continue;
        };
        let (delay, field) = it.delays.down_from(it.target_replicas);
        let lasted = now.saturating_sub(spare.since);
        if lasted < delay {
            waiting.get_or_insert((it, spare.needed, lasted, delay, field));
            continue;
        }
        let replicas = spare.needed;
        let candidate = Candidate { stage, replicas };
        let worst = worst_after(slo, stages, candidate);
        if best.is_none_or(|(_, least)| worst < least) {
            best = Some((candidate, worst));
        }
    }
    if let Some((candidate, worst)) = best {
        let why = format!(
            "{} is not missed: objectives stay at {:.0} % of their bounds",
            stages[candidate.stage].name,
            worst * 100.0
        );
        return (Some(candidate), why);
    }
    let mut why = standing(stages, forecasts);
    if let Some((it, needed, lasted, delay, field)) = waiting {
        why += &format!(
            "; {} needs {needed} of {} replicas, for {:.1} s of the {:.1} s of {field}",
            it.name,
            it.target_replicas,
            lasted.as_secs_f64(),
            delay.as_secs_f64()
        );
    }
    (None, why)
}

/// How it stands when no replica is added: all holds, or what is broken cannot be mended.
fn standing(stages: &[StageLoad], forecasts: &[Forecast]) -> String {
    if let Some((stage, load)) = overloaded(stages, false) {
        return format!(
            "{} is asked for {:.0} % of what its {} replicas can do, which are all it may have",
            stages[stage].name,
            load * 100.0,
            stages[stage].target_replicas
        );
    }
    if let Some(broken) = broken(forecasts) {
        let excess = excess(broken);
        return match growth(stages, broken, false) {
            Some(candidate) => {
                let it = &stages[candidate.stage];
                let (name, most) = (&it.name, it.bounds.max);
                format!("{excess}: {name} has all the {most} replicas that it may have")
            }
            None => format!("{excess}: more replicas would not help"),
        };
    }
    let parts: Vec<String> = forecasts
        .iter()
        .map(|f| format!("{} {:.2} s of {:.2} s", f.objective, f.p95, f.bound))
        .collect();
    if parts.is_empty() {
        return "no stage was measured for an objective".to_owned();
    }
    parts.join(", ")
}

/// The objective that is broken most, relative to its bound.
fn broken(forecasts: &[Forecast]) -> Option<&Forecast> {
    forecasts
        .iter()
        .filter(|forecast| forecast.ratio() > 1.0)
        .max_by(|a, b| a.ratio().total_cmp(&b.ratio()))
}

/// `ttft_p95 1.8 s over 1.0 s`, with hundredths where the bound is below a second.
fn excess(broken: &Forecast) -> String {
    let digits = if broken.bound < 1.0 { 3 } else { 1 };
    format!(
        "{} {:.digits$} s over {:.digits$} s",
        broken.objective, broken.p95, broken.bound
    )
}
