//! Ray's formula on fifty cases, each with the answer that its definition gives in exact fractions.
//!
//! All delays are 0 here, so that the answer is the target itself.

use crate::deployment::autoscaling::{
    AutoscalingSettings, AutoscalingState, Stats, TargetCapacity, decide,
};

use super::{at, config};

/// A fraction: numerator and denominator.
type Fraction = (u32, u32);

/// Running replicas, target before, ongoing requests, `target_ongoing_requests`, `upscaling_factor`,
/// `downscaling_factor`, bounds, target after.
type Row = (
    u32,
    u32,
    Fraction,
    Fraction,
    Fraction,
    Fraction,
    (u32, u32),
    u32,
);

#[rustfmt::skip]
const ROWS: [Row; 50] = [
    // one replica for each `target_ongoing_requests`, rounded up
    (1, 1, (0, 1), (2, 1), (1, 1), (1, 1), (0, 100), 0),
    (1, 1, (1, 1), (2, 1), (1, 1), (1, 1), (0, 100), 1),
    (1, 1, (2, 1), (2, 1), (1, 1), (1, 1), (0, 100), 1),
    (1, 1, (21, 10), (2, 1), (1, 1), (1, 1), (0, 100), 2),
    (1, 1, (4, 1), (2, 1), (1, 1), (1, 1), (0, 100), 2),
    (1, 1, (5, 1), (2, 1), (1, 1), (1, 1), (0, 100), 3),
    (2, 2, (4, 1), (2, 1), (1, 1), (1, 1), (0, 100), 2),
    (2, 2, (3, 1), (2, 1), (1, 1), (1, 1), (0, 100), 2),
    (2, 2, (2, 1), (2, 1), (1, 1), (1, 1), (0, 100), 1),
    (3, 3, (6, 1), (2, 1), (1, 1), (1, 1), (0, 100), 3),
    (3, 3, (61, 10), (2, 1), (1, 1), (1, 1), (0, 100), 4),
    (4, 4, (1, 1), (2, 1), (1, 1), (1, 1), (0, 100), 1),
    (5, 5, (100, 1), (2, 1), (1, 1), (1, 1), (0, 100), 50),
    (10, 10, (199, 10), (2, 1), (1, 1), (1, 1), (0, 100), 10),
    (10, 10, (0, 1), (2, 1), (1, 1), (1, 1), (0, 100), 1),
    (2, 2, (7, 1), (1, 2), (1, 1), (1, 1), (0, 100), 14),
    (3, 3, (3, 10), (1, 10), (1, 1), (1, 1), (0, 100), 3),
    (7, 7, (7, 10), (1, 10), (1, 1), (1, 1), (0, 100), 7),
    (3, 3, (12, 1), (1000000000, 1), (1, 1), (1, 1), (0, 100), 1),
    (6, 6, (1, 1), (3, 1), (1, 1), (1, 1), (0, 100), 1),
    // a gain on the way up
    (1, 1, (6, 1), (2, 1), (2, 1), (1, 1), (0, 100), 5),
    (1, 1, (6, 1), (2, 1), (1, 2), (1, 1), (0, 100), 2),
    (2, 2, (10, 1), (2, 1), (3, 2), (1, 1), (0, 100), 7),
    (4, 4, (10, 1), (2, 1), (1, 10), (1, 1), (0, 100), 5),
    (4, 4, (81, 10), (2, 1), (1, 10), (1, 1), (0, 100), 5),
    (3, 3, (20, 1), (2, 1), (10, 1), (1, 1), (0, 100), 73),
    (5, 5, (11, 1), (2, 1), (3, 1), (1, 1), (0, 100), 7),
    (2, 2, (30, 1), (7, 1), (3, 10), (1, 1), (0, 100), 3),
    (1, 1, (2, 1), (2, 1), (5, 1), (1, 1), (0, 100), 1),
    (10, 10, (21, 1), (2, 1), (1, 4), (1, 1), (0, 100), 11),
    // a gain on the way down, and the replica that rounding would keep for ever
    (4, 4, (4, 1), (2, 1), (1, 1), (1, 2), (0, 100), 3),
    (10, 10, (10, 1), (2, 1), (1, 1), (1, 10), (0, 100), 9),
    (10, 10, (18, 1), (2, 1), (1, 1), (1, 10), (0, 100), 9),
    (10, 10, (19, 1), (2, 1), (1, 1), (1, 10), (0, 100), 10),
    (3, 3, (4, 1), (2, 1), (1, 1), (1, 5), (0, 100), 2),
    (4, 4, (0, 1), (2, 1), (1, 1), (1, 4), (0, 100), 3),
    (2, 2, (1, 1), (2, 1), (1, 1), (2, 1), (0, 100), 1),
    (5, 5, (2, 1), (2, 1), (1, 1), (3, 1), (0, 100), 1),
    (8, 8, (10, 1), (3, 1), (1, 1), (3, 10), (0, 100), 7),
    (2, 2, (39, 10), (2, 1), (1, 1), (1, 2), (0, 100), 2),
    // nothing runs: cold start, or nothing to do
    (0, 0, (0, 1), (2, 1), (1, 1), (1, 1), (0, 100), 0),
    (0, 0, (1, 10), (2, 1), (1, 1), (1, 1), (0, 100), 1),
    (0, 0, (50, 1), (2, 1), (3, 1), (1, 1), (0, 100), 3),
    (0, 0, (1, 1), (2, 1), (1, 2), (1, 1), (0, 100), 1),
    (0, 4, (9, 1), (2, 1), (2, 1), (1, 1), (0, 100), 4),
    (0, 3, (0, 1), (2, 1), (1, 1), (1, 1), (0, 100), 3),
    // replicas that start still; bounds; down to 1 first
    (2, 4, (8, 1), (2, 1), (1, 1), (1, 1), (0, 100), 4),
    (3, 3, (50, 1), (2, 1), (1, 1), (1, 1), (0, 5), 5),
    (3, 3, (0, 1), (2, 1), (1, 1), (1, 1), (2, 100), 2),
    (2, 5, (0, 1), (2, 1), (1, 1), (1, 1), (0, 100), 1),
];

fn float((numerator, denominator): Fraction) -> f64 {
    f64::from(numerator) / f64::from(denominator)
}

#[test]
fn fifty_cases_of_the_formula() {
    for row in ROWS {
        let (running, before, total, per_replica, up, down, (min, max), expected) = row;
        let config = config(&AutoscalingSettings {
            min_replicas: min,
            max_replicas: max,
            target_ongoing_requests: float(per_replica),
            upscaling_factor: Some(float(up)),
            downscaling_factor: Some(float(down)),
            upscale_delay_s: 0.0,
            downscale_delay_s: 0.0,
            ..AutoscalingSettings::default()
        });
        let stats = Stats {
            running_replicas: running,
            total_requests: float(total),
            current_requests: float(total),
        };
        let mut state = AutoscalingState::new(before);
        let bounds = config.bounds(TargetCapacity::FULL);
        let decision = decide(&config, bounds, &mut state, &stats, at(0));
        assert_eq!(
            decision.curr_num_replicas, expected,
            "{row:?}: {}",
            decision.reason
        );
        assert_eq!(state.target(), expected);
        assert_eq!(exactly(row), expected, "the table against its definition");
    }
}

/// The definition itself in whole numbers: every quantity times the same denominator.
fn exactly((running, before, total, per, up, down, (min, max), _): Row) -> u32 {
    let wide = |(n, d): Fraction| (i64::from(n), i64::from(d));
    let ((t, td), (p, pd)) = (wide(total), wide(per));
    let (n, old) = (i64::from(running), i64::from(before));
    let ceil = |a: i64, b: i64| a.div_euclid(b) + i64::from(a.rem_euclid(b) > 0);
    let wanted = if n > 0 {
        // total / per = raw / whole
        let (raw, whole) = (t * pd, td * p);
        let (f, fd) = wide(if raw > n * whole { up } else { down });
        let scaled = ceil(n * whole * fd + f * (raw - n * whole), whole * fd);
        let stuck = ceil(raw, whole) < n && scaled == n;
        (scaled - i64::from(stuck)).max(i64::from(old > 1))
    } else if t > 0 {
        let (f, fd) = wide(up);
        ceil(f, fd).max(old)
    } else {
        old
    };
    u32::try_from(wanted.clamp(i64::from(min), i64::from(max))).unwrap()
}

/// A mean over time is rarely a whole number to the last digit; that is no reason for a replica.
#[test]
fn the_last_digits_of_a_mean_add_no_replica() {
    let config = config(&AutoscalingSettings {
        max_replicas: 10,
        upscale_delay_s: 0.0,
        ..AutoscalingSettings::default()
    });
    let bounds = config.bounds(TargetCapacity::FULL);
    for (total_requests, expected) in [(6.000_000_000_000_001, 3), (6.001, 4)] {
        let mut state = AutoscalingState::new(3);
        let stats = Stats {
            running_replicas: 3,
            total_requests,
            current_requests: 6.0,
        };
        let decision = decide(&config, bounds, &mut state, &stats, at(0));
        assert_eq!(decision.curr_num_replicas, expected);
    }
}
