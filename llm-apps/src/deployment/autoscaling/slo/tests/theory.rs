//! Queueing theory against values from textbooks, and what must hold of any approximation.

use proptest::prelude::*;

use crate::deployment::autoscaling::slo::Moments;
use crate::deployment::autoscaling::slo::queueing::{erlang_c, load, wait};

use super::times;

fn exponential(mean: f64) -> Moments {
    Moments {
        mean,
        variance: mean * mean,
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * b.abs().max(1e-3)
}

#[test]
fn erlang_c_gives_the_values_of_its_tables() {
    for (places, load, expected) in [
        (1, 0.5, 0.5),
        (1, 0.9, 0.9),
        (2, 1.0, 1.0 / 3.0),
        (3, 2.0, 4.0 / 9.0),
        (5, 4.0, 0.554_11),
        (10, 8.0, 0.409_18),
        (10, 0.0, 0.0),
    ] {
        let got = erlang_c(places, load);
        assert!(close(got, expected), "C({places}, {load}) = {got}");
    }
}

/// M/M/1: `r S / (1 - r)`; M/D/1: half of that; two places: `C S / (2 (1 - r))`.
#[test]
fn waits_are_those_of_the_queues_that_are_solved() {
    let mm1 = wait(0.8, exponential(1.0), 1);
    assert!(close(mm1.mean, 4.0));
    // P(W > t) = 0.8 exp(-0.2 t), so E[W²] = 2 · 0.8 · 25.
    assert!(close(mm1.variance, 40.0 - 16.0));
    let fixed = Moments {
        mean: 1.0,
        variance: 0.0,
    };
    assert!(close(wait(0.8, fixed, 1).mean, 2.0));
    assert!(close(wait(1.0, exponential(1.0), 2).mean, 1.0 / 3.0));
}

#[test]
fn no_request_and_no_service_is_no_wait() {
    for (rate, mean) in [(0.0, 1.0), (5.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0)] {
        assert_eq!(wait(rate, exponential(mean), 1), Moments::default());
    }
}

#[test]
fn times_that_were_measured_come_back_as_their_percentile() {
    for (mean, p95) in [(100, 100), (100, 150), (100, 300), (100, 380), (1, 2)] {
        let moments = Moments::from(times(mean, p95));
        let p95 = f64::from(u32::try_from(p95).unwrap()) / 1000.0;
        assert!(close(moments.p95(), p95), "{moments:?} is not {p95}");
    }
    assert!(Moments::from(times(100, 50)).variance < 1e-12);
    assert!(Moments::from(times(100, 100_000)).p95().is_finite());
    assert_eq!(Moments::from(times(0, 10)), Moments::default());
}

#[test]
fn a_stage_behind_a_branch_counts_for_those_who_pass() {
    let fixed = Moments {
        mean: 1.0,
        variance: 0.0,
    };
    let rare = fixed.times(0.25);
    assert!(close(rare.mean, 0.25) && close(rare.variance, 0.1875));
    let often = exponential(1.0).times(3.0);
    assert!(close(often.mean, 3.0) && close(often.variance, 3.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Below full load, at it, and beyond: each place shortens the wait, each request lengthens it.
    #[test]
    fn waits_fall_with_places_and_rise_with_load(
        rate in 0.01..200.0_f64,
        mean in 1_u64..3000,
        tail in 100_u64..380,
        places in 1_u32..60,
    ) {
        let service = Moments::from(times(mean, mean * tail / 100));
        let now = wait(rate, service, places);
        let wider = wait(rate, service, places + 1);
        let busier = wait(rate * 1.1, service, places);
        for moments in [now, wider, busier] {
            prop_assert!(moments.mean.is_finite() && moments.mean >= 0.0);
            prop_assert!(moments.variance.is_finite() && moments.variance >= 0.0);
        }
        prop_assert!(wider.mean <= now.mean);
        prop_assert!(busier.mean >= now.mean);
        prop_assert!(load(rate, service, places + 1) < load(rate, service, places));
    }
}
