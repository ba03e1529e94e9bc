//! The deployments of applications: what they count by themselves is read when somebody asks.

use std::collections::BTreeMap;

use llm_apps::controller::Application;
use llm_apps::deployment::{DeploymentCounts, DeploymentStatus, ReplicaState};
use metrics::{Histogram, counter, gauge, histogram, with_local_recorder};
use parking_lot::Mutex;

use super::Telemetry;
use super::names::{
    DEPLOYMENT_ERRORS, DEPLOYMENT_HEALTH_FAILURES, DEPLOYMENT_LATENCY, DEPLOYMENT_ONGOING,
    DEPLOYMENT_QUEUED, DEPLOYMENT_REFUSED, DEPLOYMENT_REPLICAS, DEPLOYMENT_REQUESTS,
    DEPLOYMENT_STARTS, DEPLOYMENT_TARGET,
};

/// What was told of deployments, by application and name.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<BTreeMap<(String, String), DeploymentCounts>>);

const STATES: [(ReplicaState, &str); 5] = [
    (ReplicaState::Starting, "STARTING"),
    (ReplicaState::Updating, "UPDATING"),
    (ReplicaState::Running, "RUNNING"),
    (ReplicaState::Stopping, "STOPPING"),
    (ReplicaState::Stopped, "STOPPED"),
];

impl Telemetry {
    /// Where the time goes that requests have a place at a deployment.
    pub(crate) fn deployment_latency(&self, application: &str, deployment: &str) -> Histogram {
        with_local_recorder(&self.recorder, || {
            histogram!(DEPLOYMENT_LATENCY, &labels(application, deployment))
        })
    }

    /// Sets what deployments say of themselves. Those that are gone have nothing any more.
    pub(crate) fn set_deployments<'a>(&self, applications: impl Iterator<Item = &'a Application>) {
        let mut told = self.deployments.0.lock();
        let mut before = std::mem::take(&mut *told);
        with_local_recorder(&self.recorder, || {
            for application in applications {
                let counts = application.counts();
                for (name, status) in application.status().deployments {
                    let key = (application.name().to_owned(), name);
                    let labels = labels(&key.0, &key.1);
                    set_gauges(&labels, Some(&status));
                    let now = counts.get(&key.1).copied().unwrap_or_default();
                    grow(&labels, before.remove(&key).unwrap_or_default(), now);
                    told.insert(key, now);
                }
            }
            for (application, deployment) in before.into_keys() {
                set_gauges(&labels(&application, &deployment), None);
            }
        });
    }
}

type Labels = [(&'static str, String); 2];

fn labels(application: &str, deployment: &str) -> Labels {
    [
        ("application", application.to_owned()),
        ("deployment", deployment.to_owned()),
    ]
}

/// Adds what came since. A deployment that took the place of another of its name begins at nothing.
fn grow(labels: &Labels, before: DeploymentCounts, now: DeploymentCounts) {
    let add = |name: &'static str, of: fn(&DeploymentCounts) -> u64| {
        let (before, now) = (of(&before), of(&now));
        let more = now.checked_sub(before).unwrap_or(now);
        counter!(name, labels).increment(more);
    };
    add(DEPLOYMENT_REQUESTS, |c| c.requests);
    add(DEPLOYMENT_REFUSED, |c| c.refused);
    add(DEPLOYMENT_ERRORS, |c| c.errors);
    add(DEPLOYMENT_STARTS, |c| c.replica_starts);
    add(DEPLOYMENT_HEALTH_FAILURES, |c| c.health_check_failures);
}

fn set_gauges(labels: &Labels, status: Option<&DeploymentStatus>) {
    let set = |name: &'static str, of: fn(&DeploymentStatus) -> usize| {
        gauge!(name, labels).set(count(status.map_or(0, of)));
    };
    set(DEPLOYMENT_QUEUED, |s| s.queued_requests);
    set(DEPLOYMENT_ONGOING, |s| s.ongoing_requests);
    set(DEPLOYMENT_TARGET, |s| s.target_num_replicas);
    for (state, name) in STATES {
        let [application, deployment] = labels.clone();
        let labels = [application, deployment, ("state", name.to_owned())];
        let replicas = status.and_then(|s| s.replica_states.get(&state));
        gauge!(DEPLOYMENT_REPLICAS, &labels).set(count(replicas.copied().unwrap_or(0)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(count: usize) -> f64 {
    count as f64
}
