//! Delays on a virtual clock: what is wished, since when, and when it is granted.

use std::fmt::Write as _;

use crate::deployment::autoscaling::{
    AutoscalingSettings, AutoscalingState, Direction, OngoingWindow, PolicyName, ScalingStatus,
    Source, Stats, TargetCapacity, decide,
};

use super::{at, config};

/// From a second on, so many requests.
const SCRIPT: &[(u64, f64)] = &[
    (0, 0.0),
    (20, 3.0),
    (70, 8.0),
    (80, 4.0),
    (90, 8.0),
    (100, 1.0),
    (110, 8.0),
    (140, 9.0),
    (150, 0.0),
    (360, 1.0),
    (370, 0.0),
    (380, 1.0),
];

/// One line for each tick of 10 seconds at which anything changed.
const TIMELINE: &str = "
time  load  running  target  wish
   0     0        0       0  -
  20     3        0       1  -
  30     3        1       1  up since 30
  60     3        1       2  -
  70     8        2       2  up since 70
  80     4        2       2  -
  90     8        2       2  up since 90
 100     1        2       2  down since 100
 110     8        2       2  up since 110
 140     9        2       5  -
 150     0        5       5  down since 150
 210     0        5       1  -
 220     0        1       1  down since 220
 340     0        1       0  -
 360     1        0       1  -
 370     0        1       1  down since 370
 380     1        1       1  -
";

/// 2 requests a replica, 30 s before more, 60 s before fewer, 120 s before none. Replicas follow the
/// target within a tick.
#[test]
fn a_wish_must_last_and_a_change_of_direction_begins_anew() {
    let config = config(&AutoscalingSettings {
        min_replicas: 0,
        max_replicas: 10,
        upscale_delay_s: 30.0,
        downscale_delay_s: 60.0,
        downscale_to_zero_delay_s: Some(120.0),
        ..AutoscalingSettings::default()
    });
    let bounds = config.bounds(TargetCapacity::FULL);
    let mut state = AutoscalingState::new(0);
    let mut table = String::from("\ntime  load  running  target  wish\n");
    let mut shown = String::new();
    for now in (0..=400).step_by(10) {
        let load = SCRIPT.iter().rfind(|(from, _)| *from <= now).unwrap().1;
        let stats = Stats {
            running_replicas: state.target(),
            total_requests: load,
            current_requests: load,
        };
        let decision = decide(&config, bounds, &mut state, &stats, at(now));
        let wish = state.wish().map_or_else(
            || "-".to_owned(),
            |wish| {
                let direction = match wish.direction {
                    Direction::Up => "up",
                    Direction::Down => "down",
                };
                format!("{direction} since {}", wish.since.as_secs())
            },
        );
        let what = format!("{:>6}  {wish}", decision.curr_num_replicas);
        if what != shown {
            let running = stats.running_replicas;
            writeln!(table, "{now:>4}  {load:>4}  {running:>7}  {what}").unwrap();
            shown = what;
        }
    }
    assert_eq!(table, TIMELINE);

    let recent: Vec<_> = state
        .recent()
        .iter()
        .map(|d| {
            (
                d.timestamp.as_secs(),
                d.prev_num_replicas,
                d.curr_num_replicas,
            )
        })
        .collect();
    assert_eq!(
        recent,
        [
            (20, 0, 1),
            (60, 1, 2),
            (140, 2, 5),
            (210, 5, 1),
            (340, 1, 0),
            (360, 0, 1),
        ]
    );
    assert!(
        state
            .recent()
            .iter()
            .all(|d| d.policy == PolicyName::RequestCount)
    );
}

#[test]
fn reasons_say_what_was_seen_and_what_it_led_to() {
    let config = config(&AutoscalingSettings {
        min_replicas: 0,
        max_replicas: 4,
        ..AutoscalingSettings::default()
    });
    let bounds = config.bounds(TargetCapacity::FULL);
    let mut state = AutoscalingState::new(0);
    let mut reason = |running_replicas, total_requests, second| {
        let stats = Stats {
            running_replicas,
            total_requests,
            current_requests: total_requests,
        };
        decide(&config, bounds, &mut state, &stats, at(second)).reason
    };
    assert_eq!(
        reason(0, 0.0, 0),
        "no request, and no replica runs; stays at 0 replicas"
    );
    assert_eq!(
        reason(0, 3.0, 1),
        "cold start: 3.0 requests wait and no replica runs; 0 -> 1 replicas"
    );
    assert_eq!(
        reason(1, 2.0, 2),
        "2.0 ongoing requests (mean of 30 s) want 1 replicas of 2 each; stays at 1 replicas"
    );
    assert_eq!(
        reason(1, 11.0, 3),
        "11.0 ongoing requests (mean of 30 s) want 6 replicas of 2 each, for 0.0 s of the 30.0 s of \
         upscale_delay_s; stays at 1 replicas"
    );
    assert_eq!(
        reason(1, 11.0, 33),
        "11.0 ongoing requests (mean of 30 s) want 6 replicas of 2 each, for 30.0 s; \
         bounds are 0 to 4; 1 -> 4 replicas"
    );
}

/// `min_replicas: 0`: the first request waits in the queue while a replica starts, however long that
/// takes; when all is quiet, the last replica goes after a delay of its own.
#[test]
fn a_request_wakes_a_deployment_that_is_scaled_to_zero() {
    let config = config(&AutoscalingSettings {
        min_replicas: 0,
        max_replicas: 3,
        look_back_period_s: 20.0,
        downscale_delay_s: 600.0,
        downscale_to_zero_delay_s: Some(40.0),
        ..AutoscalingSettings::default()
    });
    let bounds = config.bounds(TargetCapacity::FULL);
    let mut state = AutoscalingState::new(config.initial_replicas(TargetCapacity::FULL));
    let mut window = OngoingWindow::new(&config);
    let (queue, replica) = (Source::Handle(0), Source::Replica(0));
    let mut changes = Vec::new();
    for second in 0..200 {
        // The request comes at 50, its replica runs from 90 on, and answers at 95.
        let waits = u32::from((50..90).contains(&second));
        let runs = u32::from((90..95).contains(&second));
        window.record(queue, at(second), waits).unwrap();
        let running_replicas = u32::from(second >= 90 && state.target() > 0);
        if running_replicas > 0 {
            window.record(replica, at(second), runs).unwrap();
        } else {
            window.retire(replica, at(second));
        }
        let stats = window.stats(running_replicas, at(second));
        let decision = decide(&config, bounds, &mut state, &stats, at(second));
        if decision.changed() {
            changes.push((second, decision.curr_num_replicas));
        }
    }
    // The window is empty 20 s after the answer: the wish begins at 115.
    assert_eq!(changes, [(50, 1), (155, 0)]);
}

#[test]
fn a_deployment_scales_where_its_target_is() {
    assert_eq!(ScalingStatus::of(1, 3).name(), "UPSCALING");
    assert_eq!(ScalingStatus::of(3, 1).name(), "DOWNSCALING");
    assert_eq!(ScalingStatus::of(2, 2).name(), "STABLE");
}
