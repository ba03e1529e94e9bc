//! What is said about an application, in Ray Serve's words.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::deployment::{DeploymentState, DeploymentStatus};

/// Where an application stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApplicationState {
    /// Its deployments become what its configuration asks for.
    Deploying,
    /// One of them cannot. What ran before goes on.
    DeployFailed,
    /// All are.
    Running,
    /// A deployment lost replicas that are not replaced yet.
    Unhealthy,
    /// It is going away.
    Deleting,
}

/// An application at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApplicationStatus {
    /// Where it stands: where the worst of its deployments does.
    pub status: ApplicationState,
    /// What that deployment says, else empty.
    pub message: String,
    /// When it was deployed last, in seconds since 1970.
    pub last_deployed_time_s: f64,
    /// Its deployments by name.
    pub deployments: BTreeMap<String, DeploymentStatus>,
}

impl ApplicationStatus {
    /// Derives an application's status from those of its deployments.
    pub fn of(
        deployments: BTreeMap<String, DeploymentStatus>,
        last_deployed_time_s: f64,
        deleting: bool,
    ) -> Self {
        let state = |deployment: &DeploymentStatus| match deployment.status {
            DeploymentState::DeployFailed => ApplicationState::DeployFailed,
            DeploymentState::Unhealthy => ApplicationState::Unhealthy,
            DeploymentState::Updating => ApplicationState::Deploying,
            // The autoscaler's changes are the daily life of an application that runs.
            DeploymentState::Healthy
            | DeploymentState::Upscaling
            | DeploymentState::Downscaling => ApplicationState::Running,
        };
        let worst = deployments
            .iter()
            .min_by_key(|(_, deployment)| rank(state(deployment)));
        let (status, message) = match worst {
            _ if deleting => (ApplicationState::Deleting, String::new()),
            None => (ApplicationState::Running, String::new()),
            Some((name, deployment)) => {
                let message = match deployment.message.as_str() {
                    "" => String::new(),
                    said => format!("{name}: {said}"),
                };
                (state(deployment), message)
            }
        };
        Self {
            status,
            message,
            last_deployed_time_s,
            deployments,
        }
    }
}

/// The worst first, as Ray Serve ranks them.
fn rank(state: ApplicationState) -> u8 {
    match state {
        ApplicationState::DeployFailed => 0,
        ApplicationState::Unhealthy => 1,
        ApplicationState::Deleting => 2,
        ApplicationState::Deploying => 3,
        ApplicationState::Running => 4,
    }
}
