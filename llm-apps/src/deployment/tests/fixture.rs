//! A stage that takes its time and does as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::deployment::{Blueprint, Deployment, DeploymentConfig, DeploymentStatus, Host};
use crate::stage::{Call, Stage, StageError};

/// What all replicas of a test's deployment share.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Replicas that were made.
    pub(super) made: AtomicUsize,
    /// Replicas that are alive.
    pub(super) alive: AtomicUsize,
    /// Requests that run.
    pub(super) ongoing: AtomicUsize,
    /// Most requests that ran at one time.
    pub(super) most: AtomicUsize,
    /// Whether replicas fail to start.
    pub(super) broken: AtomicBool,
    /// Whether replicas fail their health checks.
    pub(super) sick: AtomicBool,
    /// Configurations that were taken.
    pub(super) configured: AtomicUsize,
}

/// Answers with its version after a while.
pub(super) struct Echo {
    world: Arc<World>,
    version: u64,
    takes: Duration,
}

impl Stage for Echo {
    type Input = u64;
    type Output = (u64, u64);

    async fn call(&self, input: u64, _: &Call) -> Result<(u64, u64), StageError> {
        let counted = Counted::new(&self.world);
        sleep(self.takes).await;
        drop(counted);
        Ok((self.version, input))
    }

    async fn check_health(&self) -> Result<(), StageError> {
        if self.world.sick.load(Ordering::SeqCst) {
            return Err(StageError::failed("it has a cold"));
        }
        Ok(())
    }

    async fn reconfigure(&self, user_config: &Value) -> Result<(), StageError> {
        if user_config == "bad" {
            return Err(StageError::invalid("bad is bad"));
        }
        self.world.configured.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.world.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Counted<'a>(&'a World);

impl<'a> Counted<'a> {
    fn new(world: &'a World) -> Self {
        let ongoing = world.ongoing.fetch_add(1, Ordering::SeqCst) + 1;
        world.most.fetch_max(ongoing, Ordering::SeqCst);
        Self(world)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.ongoing.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) type EchoDeployment = Deployment<u64, (u64, u64)>;

/// Replicas that take `starts` to be made, and `takes` for an answer.
pub(super) fn blueprint(
    world: &Arc<World>,
    version: u64,
    starts: Duration,
    takes: Duration,
) -> Blueprint<u64, (u64, u64)> {
    let world = Arc::clone(world);
    Blueprint::new(version, move || {
        let world = Arc::clone(&world);
        async move {
            sleep(starts).await;
            if world.broken.load(Ordering::SeqCst) {
                return Err(StageError::failed("the model file is torn"));
            }
            world.made.fetch_add(1, Ordering::SeqCst);
            world.alive.fetch_add(1, Ordering::SeqCst);
            Ok(Echo {
                world,
                version,
                takes,
            })
        }
    })
}

pub(super) fn start(
    config: DeploymentConfig,
    blueprint: Blueprint<u64, (u64, u64)>,
) -> EchoDeployment {
    Deployment::start("echo", config, blueprint, &Host::new(1))
}

pub(super) fn call() -> Call {
    Call::new("request-1")
}

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Waits until a deployment's status is as `wanted`.
pub(super) async fn until(
    deployment: &EchoDeployment,
    wanted: impl FnMut(&DeploymentStatus) -> bool,
) -> DeploymentStatus {
    let mut watched = deployment.watch();
    let seen = tokio::time::timeout(seconds(3600.0), watched.wait_for(wanted));
    seen.await
        .expect("it comes to that")
        .expect("it lives")
        .clone()
}
