//! `target_capacity` on replica counts.

use crate::deployment::autoscaling::{
    AutoscalingFault, AutoscalingSettings, AutoscalingState, Bounds, Stats, TargetCapacity, decide,
};

use super::{at, config};

#[test]
fn half_the_capacity_halves_counts_half_up_and_leaves_one() {
    let half = TargetCapacity::new(50.0).unwrap();
    let counts: Vec<u32> = [0, 1, 2, 3, 4, 5, 7, 100].map(|n| half.adjust(n)).into();
    assert_eq!(counts, [0, 1, 1, 2, 2, 3, 4, 50]);
}

#[test]
fn rounding_is_exact_at_halves_and_just_beside_them() {
    for (percent, replicas, expected) in [
        (100.0, 7, 7),
        (0.0, 7, 0),
        (0.001, 7, 1),
        (1.0, 100, 1),
        (1.0, 149, 1),
        (1.0, 150, 2),
        (12.5, 4, 1),
        (12.5, 12, 2),
        (37.5, 4, 2),
        (33.3, 9, 3),
        (99.9, 10_000, 9_990),
    ] {
        let capacity = TargetCapacity::new(percent).unwrap();
        assert_eq!(
            capacity.adjust(replicas),
            expected,
            "{percent} % of {replicas}"
        );
    }
}

#[test]
fn a_capacity_is_a_percentage() {
    for percent in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
        let fault = TargetCapacity::new(percent).unwrap_err();
        assert_eq!(fault.field(), "target_capacity");
    }
    let fault = TargetCapacity::new(120.0).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "`target_capacity` is 120, it must be from 0 to 100"
    );
    assert!(matches!(fault, AutoscalingFault::OutOfRange { .. }));
}

/// A deployment of 2 to 6 replicas that wants 6: halved at once, stopped at once, and back.
#[test]
fn bounds_follow_the_capacity_without_a_delay() {
    let config = config(&AutoscalingSettings {
        min_replicas: 2,
        max_replicas: 6,
        initial_replicas: Some(5),
        ..AutoscalingSettings::default()
    });
    let half = TargetCapacity::new(50.0).unwrap();
    let none = TargetCapacity::new(0.0).unwrap();
    assert_eq!(config.initial_replicas(half), 3);
    assert_eq!(config.bounds(half), Bounds { min: 1, max: 3 });
    assert_eq!(config.bounds(none), Bounds { min: 0, max: 0 });

    let mut state = AutoscalingState::new(6);
    let busy = |running_replicas| Stats {
        running_replicas,
        total_requests: 12.0,
        current_requests: 12.0,
    };
    let mut tick = |capacity, running, second| {
        decide(
            &config,
            config.bounds(capacity),
            &mut state,
            &busy(running),
            at(second),
        )
    };
    assert_eq!(tick(half, 6, 0).curr_num_replicas, 3);
    let stopped = tick(none, 3, 1);
    assert_eq!(stopped.curr_num_replicas, 0);
    assert!(
        stopped
            .reason
            .ends_with("; bounds are 0 to 0; 3 -> 0 replicas")
    );
    assert_eq!(
        tick(none, 0, 2).curr_num_replicas,
        0,
        "no cold start at capacity 0"
    );
    assert_eq!(tick(TargetCapacity::FULL, 0, 3).curr_num_replicas, 2);
}
