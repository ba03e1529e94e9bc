//! What holds for any configuration, load and history.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::deployment::autoscaling::{
    Aggregation, AutoscalingConfig, AutoscalingSettings, AutoscalingState, OngoingWindow, Source,
    Stats, TargetCapacity, decide,
};

use super::{at, config, near};

/// Bounds, target, factors and delays of all sizes; and the target in halves of a request.
fn configs(most_factor: f64) -> impl Strategy<Value = (AutoscalingConfig, u32)> {
    let replicas = (0_u32..6, 1_u32..12);
    let delays = (0_u32..40, 0_u32..40, 0_u32..40);
    let factors = (0.05..most_factor, 0.05..most_factor);
    (replicas, 1_u32..5, delays, factors).prop_map(
        |((min_replicas, more), target, (up, down, zero), (upscaling, downscaling))| {
            let config = config(&AutoscalingSettings {
                min_replicas,
                max_replicas: min_replicas + more,
                target_ongoing_requests: f64::from(target) / 2.0,
                upscale_delay_s: f64::from(up),
                downscale_delay_s: f64::from(down),
                downscale_to_zero_delay_s: Some(f64::from(zero)),
                upscaling_factor: Some(upscaling),
                downscaling_factor: Some(downscaling),
                ..AutoscalingSettings::default()
            });
            (config, target)
        },
    )
}

/// All replicas run, and so many requests are ongoing.
fn steady(state: &AutoscalingState, requests: u32) -> Stats {
    Stats {
        running_replicas: state.target(),
        total_requests: f64::from(requests),
        current_requests: f64::from(requests),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// P2, whatever is measured, and however the capacity moves.
    #[test]
    fn a_target_is_always_within_the_bounds_of_the_capacity(
        (config, _) in configs(20.0),
        start in 0_u32..30,
        ticks in vec((0_u64..60, 0_u32..20, -5.0..1e9_f64, 0_u32..=100), 1..60),
    ) {
        let mut state = AutoscalingState::new(start);
        let mut now = 0;
        for (passed, running_replicas, total_requests, percent) in ticks {
            now += passed;
            let capacity = TargetCapacity::new(f64::from(percent)).unwrap();
            let bounds = config.bounds(capacity);
            let before = state.target();
            let stats = Stats { running_replicas, total_requests, current_requests: total_requests };
            let decision = decide(&config, bounds, &mut state, &stats, at(now));
            prop_assert!((bounds.min..=bounds.max).contains(&decision.curr_num_replicas));
            prop_assert_eq!(decision.prev_num_replicas, before);
            prop_assert_eq!(decision.curr_num_replicas, state.target());
            prop_assert!(state.recent().iter().len() <= 32);
        }
    }

    /// Without a gain above 1 the target walks to the load in one direction, and stays there.
    #[test]
    fn a_constant_load_is_met_and_kept(
        (config, halves) in configs(1.0),
        start in 1_u32..20,
        requests in 0_u32..40,
    ) {
        let bounds = config.bounds(TargetCapacity::FULL);
        let mut state = AutoscalingState::new(bounds.clamp(start));
        let mut path = vec![state.target()];
        for now in (0..3000).step_by(5) {
            let stats = steady(&state, requests);
            decide(&config, bounds, &mut state, &stats, at(now));
            if path.last() != Some(&state.target()) {
                path.push(state.target());
            }
        }
        let settled = path.clone();
        for now in (3000..6000).step_by(5) {
            let stats = steady(&state, requests);
            decide(&config, bounds, &mut state, &stats, at(now));
            prop_assert_eq!(Some(&state.target()), settled.last());
        }
        let wanted = (requests * 2).div_ceil(halves);
        prop_assert_eq!(state.target(), bounds.clamp(wanted), "{:?}", path);
        prop_assert!(path.is_sorted() || path.iter().rev().is_sorted(), "{:?}", path);
    }

    /// A load that only wavers within one replica's worth is none to scale for.
    #[test]
    fn wavering_within_a_replica_changes_nothing(
        wavers in vec(0.001..2.0_f64, 50),
    ) {
        let config = config(&AutoscalingSettings {
            max_replicas: 10,
            upscale_delay_s: 0.0,
            downscale_delay_s: 0.0,
            ..AutoscalingSettings::default()
        });
        let bounds = config.bounds(TargetCapacity::FULL);
        let mut state = AutoscalingState::new(3);
        for (now, waver) in (0..).zip(wavers) {
            let total_requests = 4.0 + waver;
            let current_requests = total_requests;
            let stats = Stats { running_replicas: 3, total_requests, current_requests };
            let decision = decide(&config, bounds, &mut state, &stats, at(now));
            prop_assert_eq!(decision.curr_num_replicas, 3);
        }
    }

    /// The window against a plain sum: each millisecond of it, each source, whole numbers.
    #[test]
    fn merged_sources_are_the_sum_of_all(
        sources in vec(vec((1_u64..80, 0_u32..9), 1..12), 1..6),
        look_back in 20_u64..400,
        passed in 0_u64..200,
    ) {
        let steps: Vec<Vec<(u64, u32)>> = sources
            .iter()
            .map(|source| {
                let mut ms = 0;
                source.iter().map(|(gap, value)| { ms += gap; (ms, *value) }).collect()
            })
            .collect();
        let now = steps.iter().flatten().map(|(ms, _)| *ms).max().unwrap() + passed;
        let first = steps.iter().flatten().map(|(ms, _)| *ms).min().unwrap();
        let start = first.max(now.saturating_sub(look_back));
        let sum_at = |ms: u64| -> u32 {
            let value = |source: &Vec<(u64, u32)>| {
                source.iter().rfind(|(at, _)| *at <= ms).map_or(0, |(_, value)| *value)
            };
            steps.iter().map(value).sum()
        };
        let held: Vec<u32> = (start..now).map(sum_at).collect();
        let last = sum_at(now);
        let total: u32 = held.iter().sum();
        let expected = [
            if held.is_empty() {
                f64::from(last)
            } else {
                f64::from(total) / f64::from(u32::try_from(held.len()).unwrap())
            },
            f64::from(held.iter().copied().max().unwrap_or(0).max(last)),
            f64::from(held.iter().copied().min().unwrap_or(last).min(last)),
        ];
        let all = [Aggregation::Mean, Aggregation::Max, Aggregation::Min];
        for (aggregation_function, expected) in all.into_iter().zip(expected) {
            let mut window = OngoingWindow::new(&config(&AutoscalingSettings {
                aggregation_function,
                look_back_period_s: Duration::from_millis(look_back).as_secs_f64(),
                ..AutoscalingSettings::default()
            }));
            for (id, source) in (0..).zip(&steps) {
                for (ms, value) in source {
                    let when = Duration::from_millis(*ms);
                    window.record(Source::Replica(id), when, *value).unwrap();
                }
            }
            let got = window.total(Duration::from_millis(now));
            prop_assert!(near(got, expected), "{}: {} is not {}", aggregation_function, got, expected);
        }
    }
}
