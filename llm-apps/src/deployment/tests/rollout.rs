//! What a change does to those who are just being answered: nothing.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::fixture::{EchoDeployment, World, blueprint, call, seconds, start, until};
use crate::deployment::{DeploymentConfig, DeploymentState, Replicas};

fn config(replicas: usize) -> DeploymentConfig {
    DeploymentConfig {
        replicas: Replicas::Fixed(replicas),
        ..DeploymentConfig::default()
    }
}

/// 50 requests a second for `lasting`; the versions that answered.
async fn load(deployment: &EchoDeployment, lasting: Duration) -> Vec<u64> {
    let mut calls = JoinSet::new();
    let every = seconds(0.02);
    let mut passed = Duration::ZERO;
    while passed < lasting {
        let handle = deployment.handle();
        calls.spawn(async move { handle.call(0, &call()).await });
        sleep(every).await;
        passed += every;
    }
    let answers = calls.join_all().await;
    answers
        .into_iter()
        .map(|answer| answer.expect("no request fails").0)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_rollout_under_load_drops_nothing() {
    for replicas in [1, 2, 5] {
        for max_surge_percent in [0.0, 20.0, 100.0] {
            let world: Arc<World> = Arc::default();
            let config = DeploymentConfig {
                max_surge_percent,
                max_ongoing_requests: 100,
                ..config(replicas)
            };
            let old = blueprint(&world, 1, seconds(0.5), seconds(0.3));
            let deployment = start(config.clone(), old);
            until(&deployment, |s| s.status == DeploymentState::Healthy).await;
            let change = async {
                sleep(seconds(1.0)).await;
                deployment.update(config, blueprint(&world, 2, seconds(0.5), seconds(0.3)));
            };
            let (versions, ()) = tokio::join!(load(&deployment, seconds(10.0)), change);
            assert_eq!(versions.len(), 500);
            assert_eq!(versions.first(), Some(&1));
            assert_eq!(versions.iter().max(), Some(&2), "the new version answers");
            until(&deployment, |s| s.status == DeploymentState::Healthy).await;
            assert_eq!(world.alive.load(Ordering::SeqCst), replicas);
            assert_eq!(deployment.handle().call(1, &call()).await.unwrap().0, 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_rollout_leaves_the_old_replicas_serving() {
    let world: Arc<World> = Arc::default();
    let deployment = start(config(2), blueprint(&world, 1, seconds(0.1), seconds(0.1)));
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    world.broken.store(true, Ordering::SeqCst);
    deployment.update(config(2), blueprint(&world, 2, seconds(0.1), seconds(0.1)));
    let versions = load(&deployment, seconds(20.0)).await;
    assert!(versions.iter().all(|version| *version == 1));
    let failed = until(&deployment, |s| s.status == DeploymentState::DeployFailed).await;
    assert_eq!(failed.running(), 2);
    assert!(failed.message.contains("torn"), "{}", failed.message);
}

#[tokio::test(start_paused = true)]
async fn the_same_again_changes_nothing_and_user_config_is_taken_in_place() {
    let world: Arc<World> = Arc::default();
    let made = blueprint(&world, 1, Duration::ZERO, seconds(0.1));
    let deployment = start(config(3), made.clone());
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    deployment.update(config(3), made.clone());
    sleep(seconds(5.0)).await;
    assert_eq!(world.made.load(Ordering::SeqCst), 3);
    assert_eq!(world.configured.load(Ordering::SeqCst), 0);

    let tuned = DeploymentConfig {
        user_config: Some(json!({"threshold": 0.5})),
        ..config(3)
    };
    deployment.update(tuned.clone(), made.clone());
    sleep(seconds(5.0)).await;
    assert_eq!(
        world.configured.load(Ordering::SeqCst),
        3,
        "each replica once"
    );
    assert_eq!(world.made.load(Ordering::SeqCst), 3, "none was restarted");
    assert_eq!(deployment.status().status, DeploymentState::Healthy);

    // Replicas that come later get it as well.
    deployment.update(
        DeploymentConfig {
            replicas: Replicas::Fixed(4),
            ..tuned
        },
        made,
    );
    sleep(seconds(5.0)).await;
    assert_eq!(world.configured.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn shutting_down_answers_those_who_came_before() {
    let world: Arc<World> = Arc::default();
    let config = DeploymentConfig {
        max_ongoing_requests: 2,
        ..config(1)
    };
    let deployment = start(config, blueprint(&world, 1, Duration::ZERO, seconds(1.0)));
    until(&deployment, |s| s.running() == 1).await;
    let handle = deployment.handle();
    let mut calls = JoinSet::new();
    for n in 0..8 {
        let handle = handle.clone();
        calls.spawn(async move { handle.call(n, &call()).await });
    }
    sleep(seconds(0.5)).await;
    deployment.shut_down().await;
    let answers = calls.join_all().await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(handle.call(9, &call()).await.is_err());
    assert_eq!(world.alive.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_does_not_hold_a_shutdown_up() {
    let world: Arc<World> = Arc::default();
    let deployment = start(
        config(1),
        blueprint(&world, 1, Duration::ZERO, seconds(1e6)),
    );
    let handle = deployment.handle();
    let endless = tokio::spawn(async move { handle.call(1, &call()).await });
    sleep(seconds(1.0)).await;
    let began = tokio::time::Instant::now();
    deployment.shut_down().await;
    assert!(
        began.elapsed() <= seconds(41.0),
        "20 s for the queue, 20 s for the replica: {:?}",
        began.elapsed()
    );
    endless.abort();
}
