//! `autoscaling_config`: Ray's defaults, and every fault at once.

use std::time::Duration;

use crate::deployment::autoscaling::{
    Aggregation, AutoscalingConfig, AutoscalingFault, AutoscalingSettings, Bounds, MOST_REPLICAS,
    TargetCapacity,
};

use super::{config, near};

#[test]
fn nothing_said_gives_the_defaults_of_ray() {
    let c = config(&AutoscalingSettings::default());
    let seconds = Duration::from_secs;
    assert_eq!(c.bounds(TargetCapacity::FULL), Bounds { min: 1, max: 1 });
    assert_eq!(c.initial_replicas(TargetCapacity::FULL), 1);
    assert!(near(c.target_ongoing_requests(), 2.0));
    assert_eq!(c.look_back_period(), seconds(30));
    assert_eq!(c.metrics_interval(), seconds(10));
    assert_eq!(c.stale_after(), seconds(20));
    assert_eq!(c.delays().upscale, seconds(30));
    assert_eq!(c.delays().downscale, seconds(600));
    assert_eq!(c.delays().downscale_to_zero, seconds(600));
    assert!(near(c.upscaling_factor(), 1.0) && near(c.downscaling_factor(), 1.0));
    assert_eq!(c.aggregation_function(), Aggregation::Mean);
    assert_eq!(c.warning(), None);

    let auto = config(&AutoscalingSettings::auto());
    assert_eq!(
        auto.bounds(TargetCapacity::FULL),
        Bounds { min: 1, max: 100 }
    );
}

#[test]
fn the_delay_to_zero_is_its_own_if_given() {
    let c = config(&AutoscalingSettings {
        downscale_delay_s: 60.0,
        downscale_to_zero_delay_s: Some(0.5),
        metrics_interval_s: 1.0,
        ..AutoscalingSettings::default()
    });
    assert_eq!(c.delays().downscale, Duration::from_secs(60));
    assert_eq!(c.delays().downscale_to_zero, Duration::from_millis(500));
    assert_eq!(
        c.stale_after(),
        Duration::from_secs(10),
        "never below 10 seconds"
    );
}

#[test]
fn all_faults_come_at_once_and_each_names_its_field() {
    let faults = AutoscalingConfig::new(&AutoscalingSettings {
        min_replicas: 4,
        max_replicas: 2,
        initial_replicas: Some(1),
        target_ongoing_requests: 0.0,
        metrics_interval_s: -1.0,
        look_back_period_s: f64::NAN,
        upscale_delay_s: -0.1,
        downscale_delay_s: f64::INFINITY,
        downscale_to_zero_delay_s: Some(1e12),
        upscaling_factor: Some(0.0),
        downscaling_factor: Some(-2.0),
        aggregation_function: Aggregation::Max,
    })
    .unwrap_err();
    let mut fields: Vec<_> = faults.iter().map(AutoscalingFault::field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "downscale_delay_s",
            "downscale_to_zero_delay_s",
            "downscaling_factor",
            "look_back_period_s",
            "max_replicas",
            "metrics_interval_s",
            "target_ongoing_requests",
            "upscale_delay_s",
            "upscaling_factor",
        ]
    );
    assert!(
        faults.iter().any(|f| f.to_string()
            == "`max_replicas` is 2, it must not be below `min_replicas`, which is 4")
    );
}

#[test]
fn replica_counts_must_fit_each_other() {
    let fault = |min_replicas, initial_replicas, max_replicas| {
        let settings = AutoscalingSettings {
            min_replicas,
            initial_replicas,
            max_replicas,
            ..AutoscalingSettings::default()
        };
        let faults = AutoscalingConfig::new(&settings).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults[0].to_string()
    };
    assert_eq!(
        fault(0, None, 0),
        "`max_replicas` is 0, at least 1 is needed"
    );
    assert_eq!(
        fault(1, Some(4), 3),
        "`initial_replicas` is 4, it must lie from `min_replicas` to `max_replicas`, which is 1 to 3"
    );
    assert_eq!(
        fault(2, Some(1), 3),
        "`initial_replicas` is 1, it must lie from `min_replicas` to `max_replicas`, which is 2 to 3"
    );
    assert_eq!(
        fault(1, None, MOST_REPLICAS + 1),
        "`max_replicas` is 10001, at most 10000 replicas are possible"
    );
}

#[test]
fn a_window_that_holds_one_report_is_warned_of_and_works() {
    let c = config(&AutoscalingSettings {
        look_back_period_s: 5.0,
        ..AutoscalingSettings::default()
    });
    let warning = c.warning().unwrap().to_string();
    assert!(warning.starts_with("`look_back_period_s` is 5, it should be above"));
}

#[test]
fn aggregations_are_read_by_name() {
    assert_eq!("Max".parse(), Ok(Aggregation::Max));
    assert_eq!("mean".parse(), Ok(Aggregation::Mean));
    assert_eq!("min".parse(), Ok(Aggregation::Min));
    let fault = "median".parse::<Aggregation>().unwrap_err();
    assert_eq!(fault.field(), "aggregation_function");
    assert_eq!(
        fault.to_string(),
        "`aggregation_function` is `median`, it must be `mean`, `max` or `min`"
    );
}
