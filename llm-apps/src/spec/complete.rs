//! A short configuration made complete: what it leaves to defaults is written out, so that it can be edited.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::admin::{AdminOptions, DEFAULT_ADMIN_PORT};
use super::http::HttpOptions;
use super::size::ByteSize;
use crate::deployment::DeploymentConfig;
use crate::deployment::autoscaling::AutoscalingSettings;

/// Adds to a configuration, given as JSON, what it does not say of the sockets and of its deployments. What
/// it says stays, also `${VAR}`. A configuration that is proved means the same afterwards.
pub fn complete(mut config: Value) -> Value {
    let Value::Object(top) = &mut config else {
        return config;
    };
    fill_at(top, "http_options", http());
    fill_at(top, "admin_options", admin());
    fill(top, json!({"target_capacity": 100.0}));
    let applications = top.get_mut("applications").and_then(Value::as_array_mut);
    let applications = applications.into_iter().flatten();
    for application in applications {
        let governed = application.get("slo").is_some_and(|slo| !slo.is_null());
        let deployments = application.get_mut("deployments");
        let deployments = deployments.and_then(Value::as_array_mut);
        for deployment in deployments.into_iter().flatten() {
            if let Value::Object(deployment) = deployment {
                complete_deployment(deployment, governed);
            }
        }
    }
    config
}

/// A configuration of models alone, by their names in the catalogue or on the hub.
pub fn of_models(sources: &[String]) -> Value {
    let model = |source: &String| {
        let name = source.rsplit('/').next().unwrap_or(source);
        let name = name.split('@').next().unwrap_or(name);
        json!({"name": name, "source": source})
    };
    json!({"models": sources.iter().map(model).collect::<Vec<_>>()})
}

fn complete_deployment(deployment: &mut Map<String, Value>, governed: bool) {
    let auto = deployment.get("num_replicas").is_some_and(|n| n == "auto");
    if auto || deployment.contains_key("autoscaling_config") {
        let settings = match auto {
            true => AutoscalingSettings::auto(),
            false => AutoscalingSettings::default(),
        };
        let settings = autoscaling(&settings, governed);
        fill_at(deployment, "autoscaling_config", settings);
    } else {
        fill(deployment, json!({"num_replicas": 1}));
    }
    let default = DeploymentConfig::default();
    fill(
        deployment,
        json!({
            "max_ongoing_requests": default.max_ongoing_requests,
            "max_queued_requests": default.max_queued_requests,
            "request_router_config": {"router": "pow_two"},
            "num_cpus": 0.0,
            "num_gpus": 0.0,
            "health_check_period_s": seconds(default.health_check_period),
            "health_check_timeout_s": seconds(default.health_check_timeout),
            "graceful_shutdown_timeout_s": seconds(default.graceful_shutdown_timeout),
            "rolling_update_percentage": default.rolling_update_percentage,
            "max_surge_percent": default.max_surge_percent,
            "max_constructor_retry_count": default.max_constructor_retry_count,
        }),
    );
}

fn http() -> Value {
    let default = HttpOptions::default();
    json!({
        "host": default.host,
        "port": default.port,
        "max_body_bytes": size(default.max_body_bytes),
        "body_timeout_s": seconds(default.body_timeout),
        "max_connections": default.max_connections,
        "keep_alive_interval_s": seconds(default.keep_alive_interval),
        "retry_after_s": default.retry_after.as_secs(),
        "drain_settle_s": seconds(default.drain_settle),
        "graceful_shutdown_timeout_s": seconds(default.graceful_shutdown_timeout),
        "allow_origins": "*",
    })
}

fn admin() -> Value {
    let default = AdminOptions::default();
    json!({"enabled": default.enabled, "host": default.host, "port": DEFAULT_ADMIN_PORT})
}

fn autoscaling(default: &AutoscalingSettings, governed: bool) -> Value {
    let bounds = json!({
        "min_replicas": default.min_replicas,
        "max_replicas": default.max_replicas,
        "upscale_delay_s": default.upscale_delay_s,
        "downscale_delay_s": default.downscale_delay_s,
    });
    if governed {
        return bounds;
    }
    json!({
        "min_replicas": default.min_replicas,
        "max_replicas": default.max_replicas,
        "target_ongoing_requests": default.target_ongoing_requests,
        "metrics_interval_s": default.metrics_interval_s,
        "look_back_period_s": default.look_back_period_s,
        "upscale_delay_s": default.upscale_delay_s,
        "downscale_delay_s": default.downscale_delay_s,
        "aggregation_function": default.aggregation_function.to_string(),
    })
}

/// Fills the mapping under a key, which is made where it is missing or empty.
fn fill_at(map: &mut Map<String, Value>, key: &str, defaults: Value) {
    let entry = map.entry(key).or_insert(Value::Null);
    if entry.is_null() {
        *entry = Value::Object(Map::new());
    }
    if let Value::Object(inner) = entry {
        fill(inner, defaults);
    }
}

fn fill(map: &mut Map<String, Value>, defaults: Value) {
    let Value::Object(defaults) = defaults else {
        return;
    };
    for (key, value) in defaults {
        map.entry(key).or_insert(value);
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn size(bytes: usize) -> String {
    u64::try_from(bytes).map_or_else(|_| bytes.to_string(), |bytes| ByteSize(bytes).to_string())
}
