//! What a deployment says beside its stage: how many replicas, how full, how healthy.

use std::time::Duration;

use super::application::Known;
use super::autoscaling::{self, Kind};
use super::fault::Faults;
use super::json;
use super::read;
use super::resources;
use super::router::{self, Routing};
use super::section::Section;
use crate::deployment::router::RouterConfig;
use crate::deployment::{DeploymentConfig, Replicas};

const A_DAY: f64 = 86_400.0;

/// Takes the keys of a [`DeploymentConfig`] from a deployment's section. Its router is known when its
/// stage is. Where the application is `governed` by an `slo`, its planner says how many replicas there
/// are of those that are not fixed.
pub(super) fn read(
    keys: &mut Section<'_>,
    known: &Known<'_>,
    governed: bool,
    f: &mut Faults,
) -> (DeploymentConfig, Routing) {
    let default = DeploymentConfig::default();
    let seconds = |keys: &mut Section<'_>, key, least, f: &mut Faults| -> Option<Duration> {
        keys.take(key, f, read::seconds(least..=A_DAY))
    };
    let share = read::number("a number above 0 and at most 1", |v| v > 0.0 && v <= 1.0);
    let percent = read::number("a number from 0 to 100", |v| (0.0..=100.0).contains(&v));
    let path = keys.path("request_router_config");
    let routing = keys.node("request_router_config");
    let routing = routing.map_or_else(Routing::default, |node| router::read(&path, node, f));
    let config = DeploymentConfig {
        replicas: replicas(keys, governed, f),
        target_capacity: known.target_capacity,
        max_ongoing_requests: keys
            .take(
                "max_ongoing_requests",
                f,
                read::integer(1..=1_048_576_usize),
            )
            .unwrap_or(default.max_ongoing_requests),
        max_queued_requests: keys
            .take("max_queued_requests", f, read::integer(0..=1_048_576_usize))
            .unwrap_or(default.max_queued_requests),
        router: RouterConfig::default(),
        resources: resources::read(keys, known.machine, f),
        health_check_period: seconds(keys, "health_check_period_s", 0.1, f)
            .unwrap_or(default.health_check_period),
        health_check_timeout: seconds(keys, "health_check_timeout_s", 0.1, f)
            .unwrap_or(default.health_check_timeout),
        graceful_shutdown_timeout: seconds(keys, "graceful_shutdown_timeout_s", 0.0, f)
            .unwrap_or(default.graceful_shutdown_timeout),
        rolling_update_percentage: keys
            .take("rolling_update_percentage", f, share)
            .unwrap_or(default.rolling_update_percentage),
        max_surge_percent: keys
            .take("max_surge_percent", f, percent)
            .unwrap_or(default.max_surge_percent),
        max_constructor_retry_count: keys
            .take(
                "max_constructor_retry_count",
                f,
                read::integer(1..=10_000_usize),
            )
            .unwrap_or(default.max_constructor_retry_count),
        user_config: keys
            .node("user_config")
            .and_then(|node| json::read(node, f)),
    };
    (config, routing)
}

/// `num_replicas`, a number or `auto`, or `autoscaling_config`.
fn replicas(keys: &mut Section<'_>, governed: bool, f: &mut Faults) -> Replicas {
    let count = keys.take("num_replicas", f, |node| {
        match read::text(node).as_deref() {
            Ok("auto") => Ok(None),
            _ => read::integer(0..=10_000_usize)(node)
                .map(Some)
                .map_err(|expected| format!("{expected}, or auto")),
        }
    });
    let path = keys.path("autoscaling_config");
    let section = keys.node("autoscaling_config");
    let kind = |auto| Kind { auto, governed };
    match (count, section) {
        (Some(Some(count)), None) => Replicas::Fixed(count),
        (Some(Some(_)), Some(node)) => {
            let message = format!(
                "`{path}` and a fixed `num_replicas` exclude each other; leave one of them out, or write \
                 `num_replicas: auto`"
            );
            f.note(node.at, message);
            Replicas::default()
        }
        (None, None) => Replicas::default(),
        (Some(None), section) => autoscaling::read(&path, section, keys.at(), kind(true), f),
        (None, section @ Some(_)) => autoscaling::read(&path, section, keys.at(), kind(false), f),
    }
}
