//! From one configuration to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use llm_apps::controller::{Controller, LatencyOf, Plan, Site};
use llm_apps::deployment::machine::Machine;
use llm_apps::spec::ServeConfig;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::details::{self, Details, Rollout};
use super::error::{DeployError, StartError};
use super::opener::Opener;
use super::source::ConfigSource;
use crate::state::SharedState;

/// Holds what a server serves, and changes it.
pub struct Deployer {
    state: SharedState,
    controller: Controller,
    opener: Box<dyn Opener>,
    /// For `${VAR}`.
    vars: BTreeMap<String, String>,
    /// Of which replicas reserve their shares.
    machine: Arc<Machine>,
    /// Where clients find the server, where that is known.
    address: Option<String>,
    inner: Mutex<Inner>,
    /// Told when there is something to carry out.
    wanted: Notify,
}

#[derive(Default)]
struct Inner {
    /// What is served.
    served: Option<Arc<Configured>>,
    /// What is to be served; a later one takes its place.
    wanted: Option<Arc<Configured>>,
    rollout: Rollout,
    leaving: bool,
}

/// A configuration that was proved.
struct Configured {
    source: ConfigSource,
    config: ServeConfig,
}

impl Deployer {
    /// A deployer of a server that has nothing to serve yet. `vars` are what `${VAR}` stands for.
    pub fn new(
        state: SharedState,
        opener: impl Opener + 'static,
        vars: BTreeMap<String, String>,
    ) -> Self {
        Self {
            state,
            controller: Controller::default(),
            opener: Box::new(opener),
            vars,
            machine: Arc::new(Machine::unbounded()),
            address: None,
            inner: Mutex::default(),
            wanted: Notify::new(),
        }
    }

    /// The same, on a machine of which replicas reserve their shares.
    #[must_use]
    pub fn on(mut self, machine: Arc<Machine>) -> Self {
        self.machine = machine;
        self
    }

    /// The same, of a server that clients find at this address.
    #[must_use]
    pub fn at(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Opens and serves the first configuration, which makes the server ready.
    ///
    /// # Errors
    /// [`StartError`]; then nothing is served.
    pub async fn start(&self, source: ConfigSource, config: ServeConfig) -> Result<(), StartError> {
        let configured = Arc::new(Configured { source, config });
        self.carry_out(configured, &BTreeSet::new()).await
    }

    /// What a configuration would change.
    ///
    /// # Errors
    /// [`DeployError`], as [`deploy`](Self::deploy).
    pub fn plan(&self, source: &ConfigSource) -> Result<Plan, DeployError> {
        let config = source.prove_for(&self.machine, &self.vars)?;
        self.inner.lock().plan(&config)
    }

    /// Has [`work`](Self::work) carry out a configuration, unless it changes nothing. Applications that
    /// it does not name go. Returns what will change.
    ///
    /// # Errors
    /// [`DeployError`]; then nothing changes.
    pub fn deploy(&self, source: ConfigSource) -> Result<Plan, DeployError> {
        let config = source.prove_for(&self.machine, &self.vars)?;
        let mut inner = self.inner.lock();
        let plan = inner.plan(&config)?;
        let changed: Vec<_> = plan.changed_applications().map(str::to_owned).collect();
        inner.wanted = Some(Arc::new(Configured { source, config }));
        inner.rollout = Rollout::Opening(changed);
        drop(inner);
        self.wanted.notify_one();
        Ok(plan)
    }

    /// Gives up all applications; models are served as before.
    ///
    /// # Errors
    /// [`DeployError::NotNow`].
    pub fn delete_applications(&self) -> Result<(), DeployError> {
        let mut inner = self.inner.lock();
        let known = inner.wanted.as_ref().or(inner.served.as_ref());
        let Some(known) = known.filter(|_| !inner.leaving) else {
            return Err(inner.not_now());
        };
        let config = ServeConfig {
            applications: Vec::new(),
            ..known.config.clone()
        };
        let source = ConfigSource {
            text: String::new(),
            ..known.source.clone()
        };
        inner.wanted = Some(Arc::new(Configured { source, config }));
        inner.rollout = Rollout::Opening(Vec::new());
        drop(inner);
        self.wanted.notify_one();
        Ok(())
    }

    /// The configuration that is served, as it was written; empty when all applications were given up.
    pub fn config(&self) -> Option<ConfigSource> {
        let inner = self.inner.lock();
        inner.served.as_ref().map(|known| known.source.clone())
    }

    /// How everything stands.
    pub fn details(&self) -> Details {
        let inner = self.inner.lock();
        let (served, rollout) = (inner.served.clone(), inner.rollout.clone());
        drop(inner);
        let served = served.as_ref().map(|known| (&known.config, &known.source));
        let phase = self.state.lifecycle();
        let proxy = details::proxy(self.address.as_deref(), served.is_some(), phase);
        let (status, replicas) = (self.controller.status(), self.state.replicas());
        details::details(served, &rollout, status, proxy, replicas)
    }

    /// Carries out what was deployed, one configuration after the other, for ever.
    pub async fn work(&self) {
        loop {
            self.wanted.notified().await;
            let (wanted, served) = {
                let mut inner = self.inner.lock();
                (inner.wanted.take(), inner.served.clone())
            };
            let Some(wanted) = wanted else { continue };
            let before = served.as_ref().map(|known| &known.config);
            let renewed = Plan::between(before, &wanted.config).renewed();
            let outcome = self.carry_out(wanted, &renewed).await;
            self.settle(outcome);
        }
    }

    /// Notes how it went, unless something else was deployed meanwhile, which says its own.
    fn settle(&self, outcome: Result<(), StartError>) {
        let mut inner = self.inner.lock();
        if inner.wanted.is_some() {
            return;
        }
        let touched = match std::mem::take(&mut inner.rollout) {
            Rollout::Opening(names) | Rollout::Failed(names, _) => names,
            Rollout::Done => Vec::new(),
        };
        if let Err(error) = outcome {
            let reason = format!("{:#}", anyhow::Error::new(error));
            tracing::error!(reason, "a configuration was not deployed");
            inner.rollout = Rollout::Failed(touched, reason);
        }
    }

    /// Opens, then serves.
    async fn carry_out(
        &self,
        wanted: Arc<Configured>,
        renewed: &BTreeSet<String>,
    ) -> Result<(), StartError> {
        let mut opened = self.opener.open(&wanted.config, renewed).await?;
        opened.surroundings.site = Site {
            machine: Arc::clone(&self.machine),
            latency: self.latency(),
        };
        let mut inner = self.inner.lock();
        let specs = &wanted.config.applications;
        let applications = self.controller.apply(specs, &opened.surroundings);
        self.state
            .serve_all(opened.models, applications, opened.small_models)?;
        inner.served = Some(wanted);
        Ok(())
    }

    /// Where deployments tell the time of their requests.
    fn latency(&self) -> LatencyOf {
        let state = Arc::clone(&self.state);
        Arc::new(move |application, deployment| {
            let telemetry = state.telemetry();
            telemetry.deployment_latency(application, deployment)
        })
    }

    /// Ends the applications of a server that takes no requests any more, within `patience`.
    pub async fn shut_down(&self, patience: Duration) {
        self.inner.lock().leaving = true;
        self.state.serve_nothing();
        if timeout(patience, self.controller.shut_down())
            .await
            .is_err()
        {
            tracing::warn!(?patience, "applications did not end in time");
        }
    }
}

impl Inner {
    fn plan(&self, config: &ServeConfig) -> Result<Plan, DeployError> {
        let Some(served) = self.served.as_ref().filter(|_| !self.leaving) else {
            return Err(self.not_now());
        };
        let keys = served.config.fixed_differences(config);
        if !keys.is_empty() {
            return Err(DeployError::Fixed { keys });
        }
        Ok(Plan::between(Some(&served.config), config))
    }

    fn not_now(&self) -> DeployError {
        DeployError::NotNow(match self.leaving {
            true => "is shutting down",
            false => "is still loading its models",
        })
    }
}

impl fmt::Debug for Deployer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployer").finish_non_exhaustive()
    }
}
