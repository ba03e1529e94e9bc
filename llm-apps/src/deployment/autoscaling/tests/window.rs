//! The window of ongoing requests: what it sums, what it forgets.

use std::time::Duration;

use crate::deployment::autoscaling::{
    Aggregation, AutoscalingSettings, MOST_SOURCES, OngoingWindow, Source,
};

use super::{at, config, near};

fn window(aggregation_function: Aggregation, look_back_period_s: f64) -> OngoingWindow {
    OngoingWindow::new(&config(&AutoscalingSettings {
        aggregation_function,
        look_back_period_s,
        ..AutoscalingSettings::default()
    }))
}

const ALL: [Aggregation; 3] = [Aggregation::Mean, Aggregation::Max, Aggregation::Min];
const QUEUE: Source = Source::Handle(0);

/// The same script for each aggregation: requests (second, source, count), then the total at `now`.
fn totals(look_back: f64, script: &[(u64, Source, u32)], now: u64) -> [f64; 3] {
    ALL.map(|aggregation| {
        let mut window = window(aggregation, look_back);
        for (second, source, ongoing) in script {
            window.record(*source, at(*second), *ongoing).unwrap();
        }
        window.total(at(now))
    })
}

#[test]
fn values_weigh_as_long_as_they_held() {
    let script = [(0, QUEUE, 4), (5, QUEUE, 0), (6, QUEUE, 10)];
    let [mean, max, min] = totals(30.0, &script, 10);
    // 4 for 5 s, 0 for 1 s, 10 for 4 s
    assert!(near(mean, 6.0) && near(max, 10.0) && near(min, 0.0));
}

#[test]
fn the_window_opens_a_look_back_ago_and_knows_what_held_then() {
    let script = [(0, QUEUE, 8), (12, QUEUE, 2)];
    // From 10 to 20: 8 for 2 s, 2 for 8 s.
    let [mean, max, min] = totals(10.0, &script, 20);
    assert!(near(mean, 3.2) && near(max, 8.0) && near(min, 2.0));
}

#[test]
fn peaks_count_together_only_if_they_were_at_one_time() {
    let (a, b) = (Source::Replica(1), Source::Replica(2));
    let apart = [(0, a, 5), (0, b, 0), (5, a, 0), (5, b, 5)];
    let [mean, max, min] = totals(30.0, &apart, 10);
    assert!(near(mean, 5.0) && near(max, 5.0) && near(min, 5.0));

    let together = [(0, a, 0), (0, b, 0), (5, a, 5), (5, b, 5)];
    let [mean, max, min] = totals(30.0, &together, 10);
    assert!(near(mean, 5.0) && near(max, 10.0) && near(min, 0.0));
}

#[test]
fn nothing_reported_is_nothing_and_one_report_is_itself() {
    assert!(totals(30.0, &[], 10).iter().all(|t| near(*t, 0.0)));
    let one = totals(30.0, &[(10, QUEUE, 3)], 10);
    assert!(one.iter().all(|t| near(*t, 3.0)));
}

#[test]
fn a_report_that_was_overtaken_is_ignored() {
    let script = [(5, QUEUE, 2), (3, QUEUE, 9), (5, QUEUE, 4)];
    let [mean, max, min] = totals(30.0, &script, 10);
    assert!(near(mean, 4.0) && near(max, 4.0) && near(min, 4.0));
}

/// Reports each 10 seconds, so a source is dropped after 20 without one.
#[test]
fn a_silent_source_is_dropped_with_all_it_said() {
    let mut window = window(Aggregation::Mean, 30.0);
    let (dead, alive) = (Source::Handle(1), Source::Handle(2));
    window.record(dead, at(0), 100).unwrap();
    for second in [0, 10, 20] {
        window.record(alive, at(second), 1).unwrap();
    }
    let before = Duration::from_millis(19_999);
    assert!(near(window.total(before), 101.0));
    assert!(near(window.total(at(20)), 1.0));
    assert_eq!(window.sources(), 1);
    assert!(near(window.latest(), 1.0));
}

#[test]
fn a_source_that_ended_in_order_stays_true_for_what_it_did() {
    let mut window = window(Aggregation::Mean, 30.0);
    let (gone, stays) = (Source::Replica(1), Source::Replica(2));
    for second in 0..=30 {
        if second < 15 {
            window.record(gone, at(second), 2).unwrap();
        } else if second == 15 {
            window.retire(gone, at(second));
        }
        window.record(stays, at(second), 2).unwrap();
    }
    // 2 over 30 s, and 2 over the first 15 of them.
    assert!(near(window.total(at(30)), 3.0));
    window.record(stays, at(45), 2).unwrap();
    assert!(near(window.total(at(45)), 2.0));
    assert_eq!(window.sources(), 1);
}

/// A count that changes each millisecond for a minute: memory is bounded, and the aggregates stay
/// what they are.
#[test]
fn a_restless_source_is_told_by_few_steps() {
    for (aggregation, expected) in ALL.into_iter().zip([4.5, 9.0, 0.0]) {
        let mut window = window(aggregation, 30.0);
        for ms in 0..60_000_u32 {
            let now = Duration::from_millis(u64::from(ms));
            window.record(QUEUE, now, ms % 10).unwrap();
        }
        let total = window.total(at(60));
        let off = (total - expected).abs();
        assert!(off < 0.05, "{aggregation}: {total} is not {expected}");
        assert!(format!("{window:?}").matches("Step {").count() <= 256);
    }
}

#[test]
fn there_are_only_so_many_sources() {
    let mut window = window(Aggregation::Mean, 30.0);
    for id in (0..).take(MOST_SOURCES) {
        window.record(Source::Handle(id), at(0), 0).unwrap();
    }
    let refused = window.record(Source::Replica(7), at(0), 1).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Replica(7) is not counted, 32768 sources of one deployment are"
    );
    window.record(Source::Handle(7), at(1), 1).unwrap();
}

#[test]
fn another_configuration_keeps_what_was_counted() {
    let mut window = window(Aggregation::Mean, 30.0);
    window.record(QUEUE, at(0), 0).unwrap();
    window.record(QUEUE, at(10), 6).unwrap();
    assert!(near(window.total(at(20)), 3.0));
    window.reconfigure(&config(&AutoscalingSettings {
        aggregation_function: Aggregation::Max,
        look_back_period_s: 5.0,
        ..AutoscalingSettings::default()
    }));
    assert!(near(window.total(at(20)), 6.0));
}
