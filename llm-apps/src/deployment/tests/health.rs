//! Replicas that fail, and how they are replaced.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fixture::{World, blueprint, call, seconds, start, until};
use crate::deployment::{
    Blueprint, Deployment, DeploymentConfig, DeploymentState, Host, ReplicaState, StatusTrigger,
};
use crate::stage::{Call, CallError, Stage, StageError};

#[tokio::test(start_paused = true)]
async fn a_replica_that_fails_three_checks_is_replaced() {
    let world: Arc<World> = Arc::default();
    let config = DeploymentConfig::default();
    let deployment = start(config, blueprint(&world, 1, seconds(1.0), seconds(1.0)));
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    let began = Instant::now();
    world.sick.store(true, Ordering::SeqCst);
    let sick = until(&deployment, |s| s.status == DeploymentState::Unhealthy).await;
    assert_eq!(sick.status_trigger, StatusTrigger::HealthCheckFailed);
    assert!(sick.message.contains("it has a cold"), "{}", sick.message);
    let noticed = began.elapsed();
    assert!(
        noticed > seconds(20.0) && noticed <= seconds(31.0),
        "three periods of 10 s: {noticed:?}"
    );
    world.sick.store(false, Ordering::SeqCst);
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    assert_eq!(world.made.load(Ordering::SeqCst), 2);
    assert_eq!(world.alive.load(Ordering::SeqCst), 1);
    assert!(deployment.handle().call(1, &call()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_never_starts_fails_to_deploy_and_says_why() {
    let world: Arc<World> = Arc::default();
    world.broken.store(true, Ordering::SeqCst);
    let made = blueprint(&world, 1, seconds(0.1), seconds(1.0));
    let deployment = start(DeploymentConfig::default(), made.clone());
    let waiting = deployment.handle();
    let waits = tokio::spawn(async move { waiting.call(1, &call()).await });
    let failed = until(&deployment, |s| s.status == DeploymentState::DeployFailed).await;
    assert_eq!(failed.status_trigger, StatusTrigger::ReplicaStartupFailed);
    assert!(
        failed.message.contains("the model file is torn"),
        "{}",
        failed.message
    );
    for refused in [
        waits.await.unwrap(),
        deployment.handle().call(2, &call()).await,
    ] {
        let Err(CallError::Unavailable { reason, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(reason.contains("the model file is torn"), "{reason}");
    }
    // It does not try for ever.
    sleep(seconds(3600.0)).await;
    assert_eq!(deployment.status().status, DeploymentState::DeployFailed);

    world.broken.store(false, Ordering::SeqCst);
    deployment.update(
        DeploymentConfig::default(),
        blueprint(&world, 2, Duration::ZERO, seconds(1.0)),
    );
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    assert_eq!(deployment.handle().call(3, &call()).await.unwrap(), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn one_that_ran_is_tried_again_for_as_long_as_it_takes() {
    let world: Arc<World> = Arc::default();
    let deployment = start(
        DeploymentConfig::default(),
        blueprint(&world, 1, seconds(0.1), seconds(1.0)),
    );
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    world.sick.store(true, Ordering::SeqCst);
    world.broken.store(true, Ordering::SeqCst);
    sleep(seconds(3600.0)).await;
    assert_eq!(deployment.status().status, DeploymentState::Unhealthy);
    world.sick.store(false, Ordering::SeqCst);
    world.broken.store(false, Ordering::SeqCst);
    // The wait between two tries is bounded.
    let began = Instant::now();
    assert!(deployment.handle().call(1, &call()).await.is_ok());
    assert!(began.elapsed() < seconds(12.0), "{:?}", began.elapsed());
}

/// A panic in the making is one of the replica's own task; its place among the replicas must not stay
/// taken.
#[tokio::test(start_paused = true)]
async fn a_replica_whose_task_panics_is_forgotten_and_replaced() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let panics = Blueprint::new(7, move || {
        let tried = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert!(tried >= 2, "not made for this");
            Ok(Late)
        }
    });
    let config = DeploymentConfig::default();
    let deployment = Deployment::start("late", config, panics, &Host::new(1));
    let call = call();
    deployment.handle().call((), &call).await.unwrap();
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    let status = deployment.status();
    let states: Vec<_> = status.replica_states.into_iter().collect();
    assert_eq!(states, [(ReplicaState::Running, 1)]);
}

struct Late;

impl Stage for Late {
    type Input = ();
    type Output = ();
    async fn call(&self, (): (), _: &Call) -> Result<(), StageError> {
        Ok(())
    }
}
