//! Replicas and their shares of the machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;

use super::fixture::{EchoDeployment, World, blueprint, call, seconds, until};
use crate::deployment::machine::{Machine, Resources, Share};
use crate::deployment::{Deployment, DeploymentConfig, DeploymentState, Host, Replicas};

fn wanted(cpus: f64, gpus: f64) -> Resources {
    Resources {
        cpus: Share::new(cpus).unwrap(),
        gpus: Share::new(gpus).unwrap(),
    }
}

fn config(replicas: usize, cpus: f64) -> DeploymentConfig {
    DeploymentConfig {
        replicas: Replicas::Fixed(replicas),
        resources: wanted(cpus, 0.0),
        ..DeploymentConfig::default()
    }
}

fn on(machine: &Arc<Machine>, world: &Arc<World>, config: DeploymentConfig) -> EchoDeployment {
    let host = Host {
        machine: Arc::clone(machine),
        ..Host::new(1)
    };
    let made = blueprint(world, 1, seconds(0.1), seconds(0.1));
    Deployment::start("echo", config, made, &host)
}

/// The example of Ray Serve's guide.
#[tokio::test(start_paused = true)]
async fn two_replicas_of_a_fifth_of_a_cpu_share_one_cpu() {
    let machine = Arc::new(Machine::new(1, 0));
    let world = Arc::default();
    let deployment = on(&machine, &world, config(2, 0.2));
    until(&deployment, |s| s.running() == 2).await;
    let rest = machine.reserve(wanted(0.6, 0.0)).unwrap();
    let none = machine.reserve(wanted(0.0001, 0.0)).unwrap_err();
    assert_eq!(
        none.to_string(),
        "0.0001 CPUs are not free: 0 CPUs and 0 GPUs are"
    );
    drop(rest);
    deployment.shut_down().await;
    assert!(
        machine.reserve(wanted(1.0, 0.0)).is_ok(),
        "all is free again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_waits_for_its_share_and_says_so() {
    let machine = Arc::new(Machine::new(2, 0));
    let (one, other) = (Arc::default(), Arc::default());
    let first = on(&machine, &one, config(1, 1.5));
    until(&first, |s| s.running() == 1).await;
    let second = on(&machine, &other, config(2, 0.5));
    until(&second, |s| s.running() == 1).await;
    sleep(seconds(5.0)).await;
    let status = second.status();
    assert_eq!(status.running(), 1);
    assert_eq!(status.status, DeploymentState::Updating);
    assert_eq!(
        status.message,
        "a replica waits to start: 0.5 CPUs are not free: 0 CPUs and 0 GPUs are"
    );
    assert!(second.handle().call(1, &call()).await.is_ok());
    first.shut_down().await;
    let all = until(&second, |s| s.status == DeploymentState::Healthy).await;
    assert_eq!((all.running(), all.message.as_str()), (2, ""));
}

/// A surge needs room for one more; where there is none the old replica goes first.
#[tokio::test(start_paused = true)]
async fn a_rollout_on_a_full_machine_does_not_wait_for_ever() {
    let machine = Arc::new(Machine::new(1, 0));
    let world: Arc<World> = Arc::default();
    let deployment = on(&machine, &world, config(2, 0.5));
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    deployment.update(
        config(2, 0.5),
        blueprint(&world, 2, seconds(0.1), seconds(0.1)),
    );
    sleep(seconds(5.0)).await;
    assert_eq!(deployment.status().status, DeploymentState::Healthy);
    assert_eq!(deployment.handle().call(1, &call()).await.unwrap().0, 2);
    assert_eq!(world.alive.load(Ordering::SeqCst), 2);

    // What never has room takes no replica away.
    deployment.update(
        config(2, 5.0),
        blueprint(&world, 3, Duration::ZERO, seconds(0.1)),
    );
    sleep(seconds(5.0)).await;
    let status = deployment.status();
    assert_eq!(status.running(), 2);
    assert!(
        status
            .message
            .ends_with("5 CPUs are more than the machine has: 1 CPUs and 0 GPUs"),
        "{}",
        status.message
    );
}

#[tokio::test(start_paused = true)]
async fn another_share_is_taken_in_place() {
    let machine = Arc::new(Machine::new(2, 0));
    let world: Arc<World> = Arc::default();
    let deployment = on(&machine, &world, config(2, 0.5));
    until(&deployment, |s| s.status == DeploymentState::Healthy).await;
    let same = blueprint(&world, 1, seconds(0.1), seconds(0.1));
    deployment.update(config(2, 1.0), same);
    sleep(seconds(1.0)).await;
    assert!(machine.reserve(wanted(0.1, 0.0)).is_err());
    assert_eq!(world.made.load(Ordering::SeqCst), 2);
}

#[test]
fn parts_of_a_gpu_are_of_one_device_and_whole_ones_are_whole() {
    let machine = Arc::new(Machine::new(4, 2));
    let parts: Vec<_> = (0..3)
        .map(|_| machine.reserve(wanted(0.0, 0.4)).unwrap())
        .collect();
    // 0.2 and 0.6 are left: 0.8 in all, and not on one.
    assert!(machine.reserve(wanted(0.0, 0.7)).is_err());
    assert!(machine.reserve(wanted(0.0, 1.0)).is_err());
    let small = machine.reserve(wanted(0.0, 0.2)).unwrap();
    assert!(
        machine.reserve(wanted(0.0, 0.6)).is_ok(),
        "it went where less was left"
    );
    drop((parts, small));
    let both = machine.reserve(wanted(1.0, 2.0)).unwrap();
    assert!(machine.reserve(wanted(0.0, 0.1)).is_err());
    drop(both);
    assert!(machine.reserve(wanted(0.0, 3.0)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However shares come and go, no more is given than there is, and all comes back.
    #[test]
    fn no_more_is_given_than_there_is(
        steps in prop::collection::vec((0_u32..300, 0_u32..13, any::<bool>()), 1..60),
    ) {
        let machine = Arc::new(Machine::new(4, 2));
        let mut held = Vec::new();
        for (cpus, gpus, gives_back) in steps {
            // Tenths of a GPU, or whole ones.
            let gpus = if gpus > 10 { f64::from(gpus - 10) } else { f64::from(gpus) / 10.0 };
            if let Ok(share) = machine.reserve(wanted(f64::from(cpus) / 100.0, gpus)) {
                held.push(share);
            }
            if gives_back && !held.is_empty() {
                held.swap_remove(0);
            }
            let sum = held.iter().fold((Share::NONE, Share::NONE), |(c, g), share| {
                (c.plus(share.resources().cpus), g.plus(share.resources().gpus))
            });
            prop_assert!(sum.0 <= Share::whole(4) && sum.1 <= Share::whole(2));
        }
        held.clear();
        prop_assert!(machine.reserve(wanted(4.0, 2.0)).is_ok());
    }
}
