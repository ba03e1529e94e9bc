//! How a server and its applications stand, in the shape of Ray Serve's REST API.

use std::collections::BTreeMap;

use llm_apps::controller::{ApplicationState, ApplicationStatus};
use llm_apps::remote::ReplicasStatus;
use llm_apps::spec::ServeConfig;
use serde::Serialize;
use serde_json::Value;

use super::source::ConfigSource;
use crate::lifecycle::Lifecycle;

/// The answer of `GET /api/serve/applications/`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Details {
    /// The server's own ways in, by the address that the configuration names.
    pub proxies: BTreeMap<String, &'static str>,
    /// The applications by name.
    pub applications: BTreeMap<String, ApplicationDetails>,
    /// The share of their replicas that all deployments have, in percent.
    pub target_capacity: Option<f64>,
    /// The models that are served.
    pub models: Vec<String>,
    /// How the processes stand that compute models, by the model's name, where there are any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub replicas: BTreeMap<String, ReplicasStatus>,
}

/// One application.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApplicationDetails {
    /// Its name.
    pub name: String,
    /// The path below which it is served by itself.
    pub route_prefix: Option<String>,
    /// How it stands.
    #[serde(flatten)]
    pub status: ApplicationStatus,
    /// Its part of the configuration, as it was written.
    pub deployed_app_config: Value,
}

/// What becomes of the last configuration that was deployed.
#[derive(Debug, Clone, Default)]
pub(super) enum Rollout {
    /// It is served.
    #[default]
    Done,
    /// What it names is being opened, for these applications.
    Opening(Vec<String>),
    /// It could not be, and why.
    Failed(Vec<String>, String),
}

pub(super) fn details(
    served: Option<(&ServeConfig, &ConfigSource)>,
    rollout: &Rollout,
    status: BTreeMap<String, ApplicationStatus>,
    proxy: (String, &'static str),
    replicas: BTreeMap<String, ReplicasStatus>,
) -> Details {
    let written = served.map_or(Value::Null, |(_, source)| written(&source.text));
    let specs = served.map_or(&[][..], |(config, _)| &config.applications);
    let mut applications: BTreeMap<_, _> = status
        .into_iter()
        .map(|(name, status)| {
            let spec = specs.iter().find(|spec| spec.name == name);
            let details = ApplicationDetails {
                route_prefix: spec.and_then(|spec| spec.route_prefix.clone()),
                deployed_app_config: of_application(&written, &name),
                name: name.clone(),
                status,
            };
            (name, details)
        })
        .collect();
    let (touched, state, message) = match rollout {
        Rollout::Done => (&[][..], ApplicationState::Running, ""),
        Rollout::Opening(names) => (&names[..], ApplicationState::Deploying, ""),
        Rollout::Failed(names, why) => (&names[..], ApplicationState::DeployFailed, why.as_str()),
    };
    for name in touched {
        let known = applications
            .entry(name.clone())
            .or_insert_with(|| ApplicationDetails::to_come(name));
        known.status.status = state;
        message.clone_into(&mut known.status.message);
    }
    Details {
        proxies: BTreeMap::from([proxy]),
        applications,
        target_capacity: served.map(|(config, _)| config.target_capacity.percent()),
        models: served.map_or_else(Vec::new, |(config, _)| {
            config.models.iter().map(|m| m.name.clone()).collect()
        }),
        replicas,
    }
}

impl ApplicationDetails {
    /// One that was deployed and has nothing that runs yet.
    fn to_come(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            route_prefix: None,
            status: ApplicationStatus::of(BTreeMap::new(), 0.0, false),
            deployed_app_config: Value::Null,
        }
    }
}

/// The way in, and how it stands.
pub(super) fn proxy(
    address: Option<&str>,
    serves: bool,
    phase: &Lifecycle,
) -> (String, &'static str) {
    let state = match (phase.is_draining() || phase.is_not_ready(), serves) {
        (true, _) => "DRAINING",
        (false, true) => "HEALTHY",
        (false, false) => "STARTING",
    };
    (address.unwrap_or("http").to_owned(), state)
}

/// The YAML as JSON, with variables as they were written. It was proved, so that it can be read.
fn written(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_default()
}

fn of_application(written: &Value, name: &str) -> Value {
    let all = written.get("applications").and_then(Value::as_array);
    let mut all = all.into_iter().flatten();
    let found = all.find(|application| application["name"] == name);
    found.cloned().unwrap_or_default()
}
