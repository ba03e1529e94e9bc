//! A deployment as its owner holds it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::blueprint::Blueprint;
use super::config::DeploymentConfig;
use super::desired::Desired;
use super::dispatcher::{Dispatcher, Limits};
use super::handle::DeploymentHandle;
use super::host::Host;
use super::keeper::Keeper;
use super::measure::{DeploymentCounts, Meter};
use super::reins::{Planned, Reins};
use super::router::RequestRouter;
use super::status::DeploymentStatus;

/// Replicas of a stage, and the task that keeps them as they should be. Dropping it ends all of them
/// at once; [`shut_down`](Self::shut_down) lets them finish.
pub struct Deployment<I: Send + 'static, O: Send + 'static> {
    dispatcher: Arc<Dispatcher<I, O>>,
    desired: Arc<Mutex<Desired<I, O>>>,
    changed: Arc<Notify>,
    status: watch::Receiver<DeploymentStatus>,
    keeper: JoinHandle<()>,
}

impl<I: Send + 'static, O: Send + 'static> Deployment<I, O> {
    /// Begins to make the replicas on `host`. Calls wait for the first of them.
    #[expect(
        clippy::disallowed_methods,
        reason = "the deployment owns its keeper, and joins or aborts it"
    )]
    pub fn start(
        name: impl Into<Arc<str>>,
        config: DeploymentConfig,
        blueprint: Blueprint<I, O>,
        host: &Host,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let limits = Limits::of(&config);
        let wake = Arc::clone(&changed);
        let router = config.router.build(host.seed);
        let meter = Meter::new(host.latency.clone());
        let dispatcher = Arc::new(Dispatcher::new(
            name.into(),
            Arc::clone(&host.application),
            limits,
            router,
            meter,
            wake,
        ));
        let desired = Arc::new(Mutex::new(Desired::new(config, blueprint)));
        let (keeper, status) = Keeper::new(
            Arc::clone(&dispatcher),
            Arc::clone(&desired),
            Arc::clone(&changed),
            host.clone(),
        );
        Self {
            dispatcher,
            desired,
            changed,
            status,
            keeper: tokio::spawn(keeper.keep()),
        }
    }

    /// By which it is called.
    pub fn handle(&self) -> DeploymentHandle<I, O> {
        DeploymentHandle::new(Arc::clone(&self.dispatcher))
    }

    /// Changes what is asked for. A new `user_config` reaches the replicas in place; a blueprint of
    /// another version replaces them, a few at a time, and nothing is dropped; all else takes hold at
    /// once. The same again changes nothing.
    pub fn update(&self, config: DeploymentConfig, blueprint: Blueprint<I, O>) {
        let changed = self.desired.lock().update(config, blueprint);
        if changed {
            self.changed.notify_one();
        }
    }

    /// Has a router of the caller's own choose from now on, until a configuration with another
    /// [`router`](DeploymentConfig::router) comes.
    pub fn set_router(&self, router: Box<dyn RequestRouter>) {
        self.dispatcher.set_router(router);
    }

    /// How it stands.
    pub fn status(&self) -> DeploymentStatus {
        self.status.borrow().clone()
    }

    /// How it stands, each time that this changes.
    pub fn watch(&self) -> watch::Receiver<DeploymentStatus> {
        self.status.clone()
    }

    /// What was counted since it began.
    pub fn counts(&self) -> DeploymentCounts {
        self.dispatcher.meter().counts()
    }

    /// By which a planner sees it and changes it.
    pub fn planned(&self) -> Arc<dyn Planned> {
        Arc::new(Reins {
            dispatcher: Arc::clone(&self.dispatcher),
            desired: Arc::clone(&self.desired),
            changed: Arc::clone(&self.changed),
            status: self.status.clone(),
        })
    }

    /// Takes no new requests, lets those that wait and those that run finish as long as
    /// `graceful_shutdown_timeout_s` allows, and ends.
    pub async fn shut_down(mut self) {
        self.desired.lock().deleting = true;
        self.changed.notify_one();
        if let Err(error) = (&mut self.keeper).await {
            tracing::error!(%error, deployment = &**self.dispatcher.name(), "a keeper ended badly");
        }
    }
}

impl<I: Send + 'static, O: Send + 'static> Drop for Deployment<I, O> {
    fn drop(&mut self) {
        self.dispatcher.close("it is gone".into());
        self.dispatcher.turn_away();
        self.keeper.abort();
    }
}

impl<I: Send + 'static, O: Send + 'static> fmt::Debug for Deployment<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment")
            .field("name", self.dispatcher.name())
            .field("status", &*self.status.borrow())
            .finish_non_exhaustive()
    }
}
