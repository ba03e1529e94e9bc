//! Applications.

mod plans;

use std::collections::BTreeMap;

use crate::deployment::{DeploymentState, DeploymentStatus, StatusTrigger};

use super::{ApplicationState, ApplicationStatus};

fn deployment(status: DeploymentState, message: &str) -> DeploymentStatus {
    DeploymentStatus {
        status,
        status_trigger: StatusTrigger::ConfigUpdateStarted,
        message: message.to_owned(),
        waits_for_room: false,
        target_num_replicas: 1,
        replica_states: BTreeMap::new(),
        ongoing_requests: 0,
        queued_requests: 0,
        decisions: Vec::new(),
    }
}

#[test]
fn an_application_stands_where_its_worst_deployment_does() {
    use ApplicationState::{DeployFailed, Deploying, Running, Unhealthy};
    use DeploymentState as D;
    let cases: [(&[(D, &str)], _, _); 5] = [
        (&[], Running, ""),
        (&[(D::Healthy, ""), (D::Upscaling, "")], Running, ""),
        (&[(D::Healthy, ""), (D::Updating, "")], Deploying, ""),
        (
            &[(D::Updating, ""), (D::Unhealthy, "lost")],
            Unhealthy,
            "d1: lost",
        ),
        (
            &[(D::DeployFailed, "torn"), (D::Unhealthy, "lost")],
            DeployFailed,
            "d0: torn",
        ),
    ];
    for (deployments, state, message) in cases {
        let named = deployments
            .iter()
            .enumerate()
            .map(|(index, (state, said))| (format!("d{index}"), deployment(*state, said)));
        let status = ApplicationStatus::of(named.collect(), 0.0, false);
        assert_eq!((status.status, status.message.as_str()), (state, message));
    }
    assert_eq!(
        ApplicationStatus::of(BTreeMap::new(), 0.0, true).status,
        ApplicationState::Deleting
    );
}

#[test]
fn a_status_reads_as_ray_serves() {
    let healthy = deployment(DeploymentState::Healthy, "");
    let named = BTreeMap::from([("Translator".to_owned(), healthy)]);
    let status = ApplicationStatus::of(named, 1.5, false);
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["status"], "RUNNING");
    assert_eq!(json["deployments"]["Translator"]["status"], "HEALTHY");
    assert_eq!(json["last_deployed_time_s"], 1.5);
}
