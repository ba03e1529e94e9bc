//! The one task of a deployment: it starts and stops replicas until they are as they should be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::autoscaling::RecentDecisions;
use super::blueprint::{Blueprint, ReadPrefix};
use super::config::DeploymentConfig;
use super::desired::Desired;
use super::dispatcher::{Dispatcher, Limits, Load};
use super::host::Host;
use super::reconcile::{Action, Failures, View, Wish, reconcile};
use super::replica::{Ending, Kept, Life, ReplicaCell, ReplicaConfig, ReplicaId};
use super::router::RouterConfig;
use super::scaler::Scaler;
use super::status::{
    DeploymentState, DeploymentStatus, ReplicaState, ScalingDecision, StatusTrigger,
};
use super::verdict::{Facts, Verdict};

/// Time between two looks at the replicas where nothing calls for one before.
const TICK: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Keeper<I: Send + 'static, O: Send + 'static> {
    dispatcher: Arc<Dispatcher<I, O>>,
    desired: Arc<Mutex<Desired<I, O>>>,
    changed: Arc<Notify>,
    host: Host,
    began: Instant,
    /// The generation that is being worked at.
    generation: u64,
    replicas: Vec<Kept>,
    tasks: JoinSet<Ending>,
    next_id: u64,
    replica_config: watch::Sender<ReplicaConfig>,
    failures: Failures,
    message: String,
    /// What replicas wait for that the machine has not free.
    waits: Option<String>,
    /// The router that chooses.
    router: RouterConfig,
    verdict: Verdict,
    scaler: Scaler,
    decisions: RecentDecisions,
    status: watch::Sender<DeploymentStatus>,
    /// When it began to go away.
    leaving: Option<Duration>,
}

impl<I: Send + 'static, O: Send + 'static> Keeper<I, O> {
    pub(super) fn new(
        dispatcher: Arc<Dispatcher<I, O>>,
        desired: Arc<Mutex<Desired<I, O>>>,
        changed: Arc<Notify>,
        host: Host,
    ) -> (Self, watch::Receiver<DeploymentStatus>) {
        let (config, blueprint) = {
            let desired = desired.lock();
            (desired.config.clone(), desired.blueprint.clone())
        };
        dispatcher.read_prefix_with(prefix_reader(&config, &blueprint));
        let (status, watched) = watch::channel(DeploymentStatus {
            status: DeploymentState::Updating,
            status_trigger: StatusTrigger::ConfigUpdateStarted,
            message: String::new(),
            waits_for_room: false,
            target_num_replicas: 0,
            replica_states: BTreeMap::new(),
            ongoing_requests: 0,
            queued_requests: 0,
            decisions: Vec::new(),
        });
        let keeper = Self {
            dispatcher,
            desired,
            changed,
            host,
            began: Instant::now(),
            generation: 0,
            replicas: Vec::new(),
            tasks: JoinSet::new(),
            next_id: 0,
            replica_config: watch::Sender::new(replica_config(&config)),
            failures: Failures::default(),
            message: String::new(),
            waits: None,
            router: config.router.clone(),
            verdict: Verdict::default(),
            scaler: Scaler::new(&config.replicas, config.target_capacity),
            decisions: RecentDecisions::default(),
            status,
            leaving: None,
        };
        (keeper, watched)
    }

    /// Keeps the replicas until the deployment is deleted and the last one is gone.
    pub(super) async fn keep(mut self) {
        loop {
            let now = self.began.elapsed();
            self.reap(now);
            let (config, blueprint, deleting) = self.look(now);
            let load = self.dispatcher.load();
            if deleting && self.left(&config, &load, now) {
                return;
            }
            let wanted = self.wanted(&load, now);
            let target = match self.leaving {
                // Those who wait are served first.
                Some(since)
                    if load.queued == 0 || now - since >= config.graceful_shutdown_timeout =>
                {
                    0
                }
                _ => wanted,
            };
            self.act(target, &config, &blueprint, &load, now);
            self.report(target, &config, &blueprint, &load);
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep(TICK) => {}
            }
        }
    }

    /// Takes note of replicas that ended.
    fn reap(&mut self, now: Duration) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
            let at = self.replicas.iter().position(|kept| kept.task == task);
            let Some(cell) = at.map(|index| self.replicas.swap_remove(index).cell) else {
                continue;
            };
            let ending = match ended {
                Ok((_, ending)) => ending,
                // Panics of a stage's calls are caught where they happen; this one was in its making.
                Err(error) if cell.state() == ReplicaState::Starting => {
                    Ending::NotStarted(format!("its task ended badly: {error}"))
                }
                Err(error) => Ending::Failed(format!("its task ended badly: {error}")),
            };
            // It has gone by itself unless its task broke.
            self.dispatcher.remove(cell.id);
            let (replica, name) = (cell.id.0, &**self.dispatcher.name());
            let application = self.dispatcher.application();
            match ending {
                Ending::Stopped => {}
                Ending::NotStarted(reason) => {
                    tracing::warn!(
                        application,
                        deployment = name,
                        replica,
                        reason,
                        "a replica cannot start"
                    );
                    self.message = format!("a replica could not start: {reason}");
                    self.failures.note(now);
                    self.verdict.not_started();
                }
                Ending::Failed(reason) => {
                    tracing::warn!(
                        application,
                        deployment = name,
                        replica,
                        reason,
                        "a replica failed"
                    );
                    self.message = format!("replica {replica} failed: {reason}");
                    self.failures.note(now);
                    self.verdict.failed();
                }
            }
        }
    }

    /// Reads what is asked for, and takes it over if it is new.
    fn look(&mut self, now: Duration) -> (DeploymentConfig, Blueprint<I, O>, bool) {
        let desired = self.desired.lock();
        let (config, blueprint) = (desired.config.clone(), desired.blueprint.clone());
        let (deleting, generation) = (desired.deleting, desired.generation);
        drop(desired);
        if generation != self.generation {
            self.generation = generation;
            self.failures.forget();
            self.message.clear();
            self.verdict.update();
            self.dispatcher.set_limits(Limits::of(&config));
            self.dispatcher.reopen();
            self.scaler.adopt(&config.replicas, config.target_capacity);
            if self.router != config.router {
                self.router = config.router.clone();
                let seed = self.host.seed ^ generation;
                self.dispatcher.set_router(config.router.build(seed));
            }
            self.dispatcher
                .read_prefix_with(prefix_reader(&config, &blueprint));
            let told = replica_config(&config);
            self.replica_config.send_if_modified(|known| {
                let differs = *known != told;
                *known = told;
                differs
            });
        }
        if deleting && self.leaving.is_none() {
            self.leaving = Some(now);
            self.dispatcher.close("it is being deleted".into());
            self.verdict.delete();
        }
        (config, blueprint, deleting)
    }

    /// The replicas that are wanted. A change is logged with its reason.
    fn wanted(&mut self, load: &Load, now: Duration) -> usize {
        let running = self.replicas.iter().filter(|kept| kept.serves()).count();
        let planned = self.desired.lock().planned.take();
        if let Some(decision) = planned {
            self.scaler.accept(decision, now);
        }
        let target = self.scaler.target(load, running, now);
        if let Some(decision) = target.decision {
            tracing::info!(
                deployment = &**self.dispatcher.name(),
                from = decision.prev_num_replicas,
                to = decision.curr_num_replicas,
                policy = decision.policy.name(),
                reason = %decision,
                "autoscaling"
            );
            self.decisions.keep(&decision);
        }
        target.replicas
    }

    /// Whether a deployment that is deleted has nothing left.
    fn left(&self, config: &DeploymentConfig, load: &Load, now: Duration) -> bool {
        let waited = self.leaving.map_or(Duration::ZERO, |since| now - since);
        if waited >= config.graceful_shutdown_timeout {
            self.dispatcher.turn_away();
        }
        self.replicas.is_empty() && (load.queued == 0 || waited >= config.graceful_shutdown_timeout)
    }

    fn act(
        &mut self,
        target: usize,
        config: &DeploymentConfig,
        blueprint: &Blueprint<I, O>,
        load: &Load,
        now: Duration,
    ) {
        let version = blueprint.version();
        self.waits = None;
        for kept in &mut self.replicas {
            let since = kept.runs_since(now);
            // One that has come through a health check is a start that succeeded.
            let since = since.filter(|_| kept.cell.version == version);
            if since.is_some_and(|since| now - since >= config.health_check_period) {
                self.failures.forget();
            }
            if let Err(waits) = kept.resize(config.resources) {
                self.waits = Some(waits);
            }
        }
        let gives_up = self.gives_up(target, config);
        let wish = Wish {
            target,
            version,
            step: share(target, config.rolling_update_percentage),
            surge: match config.max_surge_percent {
                percent if percent > 0.0 && !self.is_cramped(version, config) => {
                    share(target, percent / 100.0)
                }
                _ => 0,
            },
            may_start: self.leaving.is_none_or(|_| target > 0)
                && !gives_up
                && self.failures.over(now),
        };
        for action in reconcile(&wish, &self.views(load)) {
            match action {
                Action::Start => self.begin(blueprint, config),
                Action::Stop(id) => self.end(id),
            }
        }
        if gives_up && !self.replicas.iter().any(Kept::serves) {
            let reason = format!("it failed to deploy: {}", self.message);
            self.dispatcher.close(reason.into());
            self.dispatcher.turn_away();
        }
    }

    /// Whether a configuration that never ran has failed often enough.
    fn gives_up(&self, target: usize, config: &DeploymentConfig) -> bool {
        let tries = (3 * target).min(config.max_constructor_retry_count).max(1);
        !self.verdict.has_run() && self.failures.count() >= tries
    }

    fn views(&self, load: &Load) -> Vec<View> {
        let ongoing: BTreeMap<_, _> = load.ongoing.iter().copied().collect();
        let view = |kept: &Kept| kept.view(ongoing.get(&kept.cell.id).copied().unwrap_or(0));
        self.replicas.iter().filter_map(view).collect()
    }

    /// Whether a rollout has no room for a new replica before an old one has gone, but then has: it
    /// cannot surge.
    fn is_cramped(&self, version: u64, config: &DeploymentConfig) -> bool {
        let (machine, wanted) = (&self.host.machine, config.resources);
        let mut old = self.replicas.iter().filter(|k| k.cell.version != version);
        !machine.would_fit(wanted, None)
            && old.any(|kept| machine.would_fit(wanted, Some(kept.share())))
    }

    /// Starts a replica, if its share of the machine is free.
    fn begin(&mut self, blueprint: &Blueprint<I, O>, config: &DeploymentConfig) {
        let share = match self.host.machine.reserve(config.resources) {
            Ok(share) => share,
            Err(shortage) => {
                self.waits = Some(format!("a replica waits to start: {shortage}"));
                return;
            }
        };
        self.dispatcher.meter().started();
        let id = ReplicaId(self.next_id);
        self.next_id += 1;
        let cell = Arc::new(ReplicaCell::new(id, blueprint.version()));
        let life = Life {
            cell: Arc::clone(&cell),
            dispatcher: Arc::clone(&self.dispatcher),
            config: self.replica_config.subscribe(),
            changed: Arc::clone(&self.changed),
        };
        let blueprint = blueprint.clone();
        // What a stage and its own tasks log names the replica.
        let span = tracing::error_span!(
            "replica",
            application = self.dispatcher.application(),
            deployment = &**self.dispatcher.name(),
            replica = id.0
        );
        // Made in the replica's own task, which alone ends when the making panics.
        let lives = life.live(async move { blueprint.make().await });
        let task = self.tasks.spawn(lives.instrument(span));
        self.replicas.push(Kept::new(cell, task.id(), share));
    }

    fn end(&self, id: ReplicaId) {
        if let Some(kept) = self.replicas.iter().find(|kept| kept.cell.id == id) {
            kept.cell.stop.cancel();
        }
    }

    fn report(
        &mut self,
        target: usize,
        config: &DeploymentConfig,
        blueprint: &Blueprint<I, O>,
        load: &Load,
    ) {
        let mut replica_states = BTreeMap::new();
        for kept in &self.replicas {
            *replica_states.entry(kept.cell.state()).or_insert(0) += 1;
        }
        let of_version = |kept: &&Kept| kept.cell.version == blueprint.version() && kept.serves();
        let facts = Facts {
            target,
            serving: self.replicas.iter().filter(of_version).count(),
            all: self.replicas.len(),
            gives_up: self.gives_up(target, config),
        };
        let (status, status_trigger) = self.verdict.judge(&facts);
        if status == DeploymentState::Healthy {
            self.message.clear();
        }
        let told = DeploymentStatus {
            status,
            status_trigger,
            message: self.waits.clone().unwrap_or_else(|| self.message.clone()),
            waits_for_room: self.waits.is_some(),
            target_num_replicas: target,
            replica_states,
            ongoing_requests: load.ongoing.iter().map(|(_, count)| count).sum(),
            queued_requests: load.queued,
            decisions: self.decisions.iter().map(ScalingDecision::of).collect(),
        };
        self.status.send_if_modified(|known| {
            let differs = *known != told;
            *known = told;
            differs
        });
    }
}

/// How the dispatcher reads the beginning of requests.
fn prefix_reader<I: Send + 'static, O: Send + 'static>(
    config: &DeploymentConfig,
    blueprint: &Blueprint<I, O>,
) -> Option<ReadPrefix<I>> {
    let reads = config.router.reads_prefix();
    blueprint.prefix().filter(|_| reads).cloned()
}

fn replica_config(config: &DeploymentConfig) -> ReplicaConfig {
    ReplicaConfig {
        user_config: config.user_config.clone(),
        health_check_period: config.health_check_period,
        health_check_timeout: config.health_check_timeout,
        graceful_shutdown_timeout: config.graceful_shutdown_timeout,
    }
}

/// A share of some replicas, one at least.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a few replicas, and a share that was proved to be positive"
)]
fn share(replicas: usize, share: f64) -> usize {
    ((replicas as f64 * share).ceil() as usize).max(1)
}
