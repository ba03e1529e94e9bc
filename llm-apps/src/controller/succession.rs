//! From one revision of an application to the next: the old one serves until the new one can.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::application::{Application, Revision};
use super::deployments::Ended;
use crate::deployment::{DeploymentState, DeploymentStatus, Governor};

/// A revision whose deployments do not all run yet.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) revision: Arc<Revision>,
    /// What it has no use for, and the one that serves has.
    pub(super) gone: Ended,
    /// Ends when another takes its place.
    pub(super) given_up: CancellationToken,
}

/// What is left to do when an application was told to be another.
#[derive(Debug)]
#[must_use = "a revision that is awaited never serves, and deployments end at once"]
pub(super) struct Succession {
    pub(super) governor: Option<Governor>,
    pub(super) next: Next,
}

#[derive(Debug)]
pub(super) enum Next {
    /// It serves already.
    Serves(Retired),
    /// It serves when these run.
    Awaits {
        deployments: Vec<watch::Receiver<DeploymentStatus>>,
        given_up: CancellationToken,
    },
}

/// What a revision that does not serve any more leaves behind.
#[derive(Debug)]
#[must_use = "its deployments end at once when it is dropped"]
pub(super) struct Retired {
    pub(super) requests: TaskTracker,
    pub(super) deployments: Ended,
}

impl Succession {
    /// Has the new revision serve as soon as it can, then ends what it has no use for.
    pub(super) async fn complete(self, application: Arc<Application>) {
        if let Some(governor) = self.governor {
            governor.shut_down().await;
        }
        let retired = match self.next {
            Next::Serves(retired) => Some(retired),
            Next::Awaits {
                deployments,
                given_up,
            } => tokio::select! {
                () = given_up.cancelled() => None,
                () = all_take_requests(deployments) => application.succeed(&given_up),
            },
        };
        // What is retired may take long to end, and holds nothing of the application.
        drop(application);
        if let Some(retired) = retired {
            retired.end().await;
        }
    }
}

impl Retired {
    /// Waits for the requests that may need them still, then ends the deployments one after the other.
    pub(super) async fn end(self) {
        self.requests.close();
        if !self.deployments.is_empty() {
            self.requests.wait().await;
        }
        for (_, deployment) in self.deployments {
            deployment.shut_down().await;
        }
    }
}

async fn all_take_requests(deployments: Vec<watch::Receiver<DeploymentStatus>>) {
    for mut status in deployments {
        // One that is gone was replaced, and whoever did gives this up.
        if status.wait_for(takes_requests).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether requests may come: all its replicas run, or they wait for what the old ones hold.
fn takes_requests(status: &DeploymentStatus) -> bool {
    match status.status {
        DeploymentState::Healthy | DeploymentState::Upscaling | DeploymentState::Downscaling => {
            true
        }
        DeploymentState::Updating => status.waits_for_room,
        DeploymentState::Unhealthy | DeploymentState::DeployFailed => false,
    }
}
