//! `autoscaling_config`.

use super::fault::Faults;
use super::node::{Node, Position};
use super::read;
use super::section::Section;
use crate::deployment::Replicas;
use crate::deployment::autoscaling::{AutoscalingConfig, AutoscalingSettings};

/// Of what the section is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// It takes the defaults of `num_replicas: auto`, and may be missing.
    pub(super) auto: bool,
    /// The application's `slo` decides, within these bounds and delays.
    pub(super) governed: bool,
}

/// What says how load decides.
const BY_LOAD: [&str; 6] = [
    "target_ongoing_requests",
    "look_back_period_s",
    "metrics_interval_s",
    "upscaling_factor",
    "downscaling_factor",
    "aggregation_function",
];

/// Reads the section.
pub(super) fn read(
    path: &str,
    node: Option<&Node>,
    at: Position,
    Kind { auto, governed }: Kind,
    f: &mut Faults,
) -> Replicas {
    let mut settings = if auto {
        AutoscalingSettings::auto()
    } else {
        AutoscalingSettings::default()
    };
    if let Some(node) = node {
        let mut keys = Section::open(path, node, f);
        fill(&mut settings, &mut keys, f);
        for key in BY_LOAD.iter().filter(|_| governed) {
            if let Some(node) = keys.node(key) {
                let path = keys.path(key);
                let message =
                    format!("`{path}`: the application's `slo` decides, not load; leave it out");
                f.note(node.at, message);
            }
        }
        keys.finish(f);
    }
    match AutoscalingConfig::new(&settings) {
        Ok(config) if governed => Replicas::Planned(config),
        Ok(config) => Replicas::Auto(config),
        Err(faults) => {
            for fault in faults {
                f.note(
                    node.map_or(at, |node| node.at),
                    format!("`{path}`: {fault}"),
                );
            }
            Replicas::default()
        }
    }
}

fn fill(settings: &mut AutoscalingSettings, keys: &mut Section<'_>, f: &mut Faults) {
    let count = || read::integer(0..=u32::MAX);
    let number = || read::number("a number", |_| true);
    let s = settings;
    s.min_replicas = keys
        .take("min_replicas", f, count())
        .unwrap_or(s.min_replicas);
    s.initial_replicas = keys
        .take("initial_replicas", f, count())
        .or(s.initial_replicas);
    s.max_replicas = keys
        .take("max_replicas", f, count())
        .unwrap_or(s.max_replicas);
    let set = |value: &mut f64, found: Option<f64>| *value = found.unwrap_or(*value);
    set(
        &mut s.target_ongoing_requests,
        keys.take("target_ongoing_requests", f, number()),
    );
    set(
        &mut s.metrics_interval_s,
        keys.take("metrics_interval_s", f, number()),
    );
    set(
        &mut s.look_back_period_s,
        keys.take("look_back_period_s", f, number()),
    );
    set(
        &mut s.upscale_delay_s,
        keys.take("upscale_delay_s", f, number()),
    );
    set(
        &mut s.downscale_delay_s,
        keys.take("downscale_delay_s", f, number()),
    );
    s.downscale_to_zero_delay_s = keys.take("downscale_to_zero_delay_s", f, number());
    s.upscaling_factor = keys.take("upscaling_factor", f, number());
    s.downscaling_factor = keys.take("downscaling_factor", f, number());
    let aggregation = keys.take("aggregation_function", f, |node| {
        let known = read::text(node).ok().and_then(|text| text.parse().ok());
        known.ok_or_else(|| "mean, max or min".to_owned())
    });
    s.aggregation_function = aggregation.unwrap_or(s.aggregation_function);
}
