//! Replicas follow the load.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::fixture::{World, blueprint, call, seconds, start, until};
use crate::deployment::autoscaling::{AutoscalingConfig, AutoscalingSettings, TargetCapacity};
use crate::deployment::{DeploymentConfig, DeploymentState, Replicas, StatusTrigger};

fn auto(min: u32, max: u32) -> DeploymentConfig {
    let settings = AutoscalingSettings {
        min_replicas: min,
        max_replicas: max,
        look_back_period_s: 5.0,
        metrics_interval_s: 1.0,
        upscale_delay_s: 2.0,
        downscale_delay_s: 20.0,
        downscale_to_zero_delay_s: Some(60.0),
        ..AutoscalingSettings::default()
    };
    DeploymentConfig {
        replicas: Replicas::Auto(AutoscalingConfig::new(&settings).unwrap()),
        ..DeploymentConfig::default()
    }
}

#[tokio::test(start_paused = true)]
async fn it_grows_with_the_load_and_shrinks_without_it_and_drops_nothing() {
    let world: Arc<World> = Arc::default();
    let deployment = start(auto(1, 4), blueprint(&world, 1, seconds(0.5), seconds(1.0)));
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    let mut calls = JoinSet::new();
    // Eight at a time, each of a second: four replicas of two.
    for _ in 0..240 {
        let handle = deployment.handle();
        calls.spawn(async move { handle.call(1, &call()).await });
        sleep(seconds(0.125)).await;
    }
    let grown = until(&deployment, |s| s.running() == 4).await;
    assert_eq!(grown.target_num_replicas, 4);
    let last = grown.decisions.last().unwrap();
    assert_eq!(last.curr_num_replicas, 4);
    assert!(!last.reason.is_empty());
    until(&deployment, |s| {
        s.status_trigger == StatusTrigger::UpscaleCompleted
    })
    .await;
    let answers = calls.join_all().await;
    assert!(answers.iter().all(Result::is_ok));

    let idle = until(&deployment, |s| {
        s.running() == 1 && s.status == DeploymentState::Healthy
    })
    .await;
    assert_eq!(idle.status_trigger, StatusTrigger::DownscaleCompleted);
    assert_eq!(world.alive.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn from_zero_the_first_request_waits_for_the_start_instead_of_failing() {
    let world: Arc<World> = Arc::default();
    let deployment = start(auto(0, 2), blueprint(&world, 1, seconds(3.0), seconds(1.0)));
    sleep(seconds(10.0)).await;
    assert_eq!(world.made.load(Ordering::SeqCst), 0);
    let began = Instant::now();
    assert_eq!(deployment.handle().call(1, &call()).await.unwrap(), (1, 1));
    assert!(
        began.elapsed() <= seconds(4.2),
        "no delay but the start's: {:?}",
        began.elapsed()
    );
    let gone = Instant::now();
    until(&deployment, |s| {
        s.running() == 0 && s.replica_states.is_empty()
    })
    .await;
    let after = gone.elapsed();
    assert!(
        after >= seconds(60.0),
        "it has a delay of its own: {after:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn half_the_capacity_is_half_the_replicas_and_none_is_none() {
    for (replicas, percent, expected) in [(4, 50.0, 2), (3, 50.0, 2), (1, 10.0, 1), (5, 0.0, 0)] {
        let world: Arc<World> = Arc::default();
        let config = DeploymentConfig {
            replicas: Replicas::Fixed(replicas),
            target_capacity: TargetCapacity::new(percent).unwrap(),
            ..DeploymentConfig::default()
        };
        let deployment = start(config, blueprint(&world, 1, Duration::ZERO, seconds(1.0)));
        until(&deployment, |s| s.status == DeploymentState::Healthy).await;
        assert_eq!(
            world.alive.load(Ordering::SeqCst),
            expected,
            "{replicas} at {percent}%"
        );
    }
}
