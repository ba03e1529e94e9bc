//! Single plans: which stage, how many, when, and in which words.

use std::slice::from_ref;

use crate::deployment::autoscaling::slo::{Objective, PlannerState, SloConfig, StageLoad, plan};
use crate::deployment::autoscaling::{AutoscalingFault, Bounds, PolicyName};

use super::{at, stage, times};

fn ttft(seconds: f64) -> SloConfig {
    SloConfig::new(Some(seconds), None, None).unwrap()
}

/// Retrieval is short of replicas; the model is not.
fn waiting_for_retrieval() -> Vec<StageLoad> {
    vec![
        stage("retrieve", 7.0, times(250, 400), 2),
        stage("answer", 7.0, times(100, 150), 4),
    ]
}

#[test]
fn the_stage_that_is_waited_for_grows_and_the_reason_says_so() {
    let mut state = PlannerState::default();
    let stages = waiting_for_retrieval();
    let soon = plan(&ttft(1.0), &stages, &mut state, at(0));
    assert_eq!(soon.change, None);
    assert!(
        soon.reason
            .ends_with("s of it; for 0.0 s of the 10.0 s of upscale_delay_s"),
        "{}",
        soon.reason
    );

    let plan = plan(&ttft(1.0), &stages, &mut state, at(10));
    let change = plan.change.unwrap();
    assert_eq!(change.stage, 0);
    assert_eq!(change.decision.prev_num_replicas, 2);
    assert_eq!(change.decision.curr_num_replicas, 3);
    assert_eq!(change.decision.policy, PolicyName::Slo);
    assert_eq!(change.decision.reason, plan.reason);
    assert_eq!(
        plan.reason,
        "ttft_p95 1.8 s over 1.0 s: retrieve waits 1.5 s of it; 2 -> 3 replicas"
    );
}

/// The parts of a forecast sum to it, and the budgets to the bound.
#[test]
fn a_forecast_is_split_over_the_stages() {
    let stages = waiting_for_retrieval();
    let plan = plan(&ttft(1.0), &stages, &mut PlannerState::default(), at(0));
    let forecast = &plan.forecasts[0];
    assert_eq!(forecast.objective, Objective::TimeToFirstToken);
    let (mut all, mut budget) = (0.0, 0.0);
    for share in &forecast.shares {
        all += share.wait + share.service;
        budget += share.budget;
    }
    assert!((all - forecast.p95).abs() < 1e-9);
    assert!((budget - 1.0).abs() < 1e-9);
    assert!(forecast.shares[0].wait > forecast.shares[0].budget);
    assert!(forecast.shares[1].wait < forecast.shares[1].budget);
}

#[test]
fn what_comes_behind_the_first_token_has_no_part_in_it() {
    let mut stages = waiting_for_retrieval();
    stages[0].until_first_token = None;
    let mut state = PlannerState::default();
    let of_ttft = plan(&ttft(1.0), &stages, &mut state, at(0));
    assert!(of_ttft.forecasts[0].p95 < 0.3);
    let total = SloConfig::new(None, None, Some(1.0)).unwrap();
    let of_total = plan(&total, &stages, &mut state, at(0));
    assert!(of_total.forecasts[0].p95 > 1.0);
}

#[test]
fn slow_services_are_not_mended_by_replicas() {
    let stages = [stage("answer", 0.01, times(3000, 4000), 2)];
    let mut state = PlannerState::default();
    for now in [0, 100] {
        let plan = plan(&ttft(1.0), &stages, &mut state, at(now));
        assert!(plan.change.is_none_or(|c| c.decision.curr_num_replicas < 2));
        if now == 0 {
            assert!(
                plan.reason
                    .starts_with("ttft_p95 4.0 s over 1.0 s: more replicas would not help"),
                "{}",
                plan.reason
            );
        }
    }
}

#[test]
fn a_stage_at_its_maximum_is_named() {
    let mut stages = waiting_for_retrieval();
    stages[0].bounds = Bounds { min: 1, max: 2 };
    let plan = plan(&ttft(1.0), &stages, &mut PlannerState::default(), at(0));
    assert_eq!(plan.change, None);
    assert!(
        plan.reason
            .contains("retrieve has all the 2 replicas that it may have"),
        "{}",
        plan.reason
    );
}

/// A generous objective does not excuse a queue that grows for ever.
#[test]
fn a_stage_that_cannot_keep_up_grows_whatever_is_promised() {
    let stages = [stage("answer", 6.0, times(500, 600), 2)];
    let mut state = PlannerState::default();
    plan(&ttft(3600.0), &stages, &mut state, at(0));
    let plan = plan(&ttft(3600.0), &stages, &mut state, at(10));
    assert_eq!(
        plan.reason,
        "answer is asked for 150 % of what its replicas can do; 2 -> 4 replicas"
    );
}

#[test]
fn tokens_come_faster_where_fewer_streams_share_a_replica() {
    let mut answer = stage("answer", 2.0, times(6000, 8000), 2);
    answer.max_ongoing_requests = 16;
    answer.between_tokens = Some(times(70, 80));
    let slo = SloConfig::new(None, Some(0.05), None).unwrap();
    let mut state = PlannerState::default();
    plan(&slo, from_ref(&answer), &mut state, at(0));
    let plan = plan(&slo, from_ref(&answer), &mut state, at(10));
    // 6 streams a replica are 80 ms apart, so 50 ms want 3.75 of them: 12 streams, 4 replicas.
    assert_eq!(
        plan.reason,
        "itl_p95 0.080 s over 0.050 s: answer serves 6.0 streams a replica; 2 -> 4 replicas"
    );
}

#[test]
fn what_is_not_missed_goes_after_its_delay() {
    let stages = [
        stage("retrieve", 1.0, times(50, 80), 4),
        stage("answer", 1.0, times(200, 300), 2),
    ];
    let mut state = PlannerState::default();
    let slo = ttft(1.0);
    for now in (0..60).step_by(5) {
        assert_eq!(plan(&slo, &stages, &mut state, at(now)).change, None);
    }
    let plan = plan(&slo, &stages, &mut state, at(60));
    let change = plan.change.unwrap();
    assert_eq!((change.stage, change.decision.curr_num_replicas), (0, 1));
    assert!(
        plan.reason
            .starts_with("retrieve is not missed: objectives stay at "),
        "{}",
        plan.reason
    );
}

/// For the minute before a removal the worst moment counts, not the last.
#[test]
fn a_short_lull_takes_no_more_than_the_busy_time_could_spare() {
    let mut state = PlannerState::default();
    let slo = ttft(2.0);
    let mut last = None;
    for now in (0..=60).step_by(5) {
        let rate = if now == 60 { 0.1 } else { 8.0 };
        let stages = [stage("retrieve", rate, times(200, 300), 6)];
        last = plan(&slo, &stages, &mut state, at(now)).change;
    }
    assert_eq!(last.unwrap().decision.curr_num_replicas, 2);
}

#[test]
fn a_stage_without_requests_goes_to_zero_and_wakes_at_once() {
    let mut idle = stage("answer", 0.0, times(200, 300), 1);
    idle.bounds = Bounds { min: 0, max: 3 };
    let mut state = PlannerState::default();
    let slo = ttft(1.0);
    for now in [0, 60, 119] {
        let plan = plan(&slo, from_ref(&idle), &mut state, at(now));
        assert_eq!(plan.change, None);
    }
    let asleep = plan(&slo, from_ref(&idle), &mut state, at(120));
    assert_eq!(asleep.change.unwrap().decision.curr_num_replicas, 0);

    idle.target_replicas = 0;
    idle.running_replicas = 0;
    assert_eq!(
        plan(&slo, from_ref(&idle), &mut state, at(500)).change,
        None
    );
    idle.arrival_rate = 0.2;
    let awake = plan(&slo, from_ref(&idle), &mut state, at(501));
    assert_eq!(
        awake.reason,
        "cold start: requests come to answer and it has no replica; 0 -> 1 replicas"
    );
}

#[test]
fn nothing_shrinks_before_all_was_measured() {
    let mut stages = vec![
        stage("retrieve", 1.0, times(50, 80), 4),
        stage("answer", 1.0, times(200, 300), 2),
    ];
    stages[1].service = None;
    let mut state = PlannerState::default();
    for now in [0, 1000] {
        let plan = plan(&ttft(1.0), &stages, &mut state, at(now));
        assert_eq!(plan.change, None);
        assert_eq!(plan.reason, "no request of answer was measured yet");
    }
}

#[test]
fn a_target_outside_of_its_bounds_is_mended_at_once() {
    let mut stages = [stage("answer", 0.0, times(200, 300), 6)];
    stages[0].bounds = Bounds { min: 1, max: 3 };
    let plan = plan(&ttft(1.0), &stages, &mut PlannerState::default(), at(0));
    assert_eq!(plan.reason, "bounds of answer are 1 to 3; 6 -> 3 replicas");
}

#[test]
fn numbers_that_are_none_do_no_harm() {
    let mut odd = stage("answer", f64::NAN, times(0, 0), 1);
    odd.visits = f64::INFINITY;
    odd.max_ongoing_requests = 0;
    odd.between_tokens = Some(times(0, 0));
    let slo = SloConfig::new(Some(1.0), Some(1.0), Some(1.0)).unwrap();
    let plan = plan(&slo, from_ref(&odd), &mut PlannerState::default(), at(0));
    assert_eq!(plan.change, None);
    assert!(plan.forecasts.iter().all(|f| f.p95.is_finite()));
}

#[test]
fn an_objective_is_needed_and_must_be_positive() {
    assert_eq!(
        SloConfig::new(None, None, None),
        Err(vec![AutoscalingFault::NoObjective])
    );
    let faults = SloConfig::new(Some(0.0), Some(-1.0), Some(f64::NAN)).unwrap_err();
    let fields: Vec<_> = faults.iter().map(AutoscalingFault::field).collect();
    assert_eq!(fields, ["ttft_p95", "itl_p95", "total_p95"]);
}
