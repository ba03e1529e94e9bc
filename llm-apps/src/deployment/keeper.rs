//! The one task of a deployment: it starts and stops replicas until they are as they should be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::autoscaling::RecentDecisions;
use super::blueprint::Blueprint;
use super::config::DeploymentConfig;
use super::dispatcher::{Dispatcher, Limits, Load};
use super::reconcile::{Action, Failures, View, Wish, reconcile};
use super::replica::{Ending, Life, ReplicaCell, ReplicaConfig, ReplicaId};
use super::scaler::Scaler;
use super::status::{
    DeploymentState, DeploymentStatus, ReplicaState, ScalingDecision, StatusTrigger,
};
use super::verdict::{Facts, Verdict};

/// Time between two looks at the replicas where nothing calls for one before.
const TICK: Duration = Duration::from_millis(100);

/// What the owner asks for.
pub(super) struct Desired<I, O> {
    pub(super) config: DeploymentConfig,
    pub(super) blueprint: Blueprint<I, O>,
    pub(super) deleting: bool,
    /// Counts what was asked for.
    generation: u64,
}

/// See the module.
pub(super) struct Keeper<I: Send + 'static, O: Send + 'static> {
    dispatcher: Arc<Dispatcher<I, O>>,
    desired: Arc<Mutex<Desired<I, O>>>,
    changed: Arc<Notify>,
    began: Instant,
    /// The generation that is being worked at.
    generation: u64,
    replicas: Vec<Kept>,
    tasks: JoinSet<(Arc<ReplicaCell>, Ending)>,
    next_id: u64,
    replica_config: watch::Sender<ReplicaConfig>,
    failures: Failures,
    message: String,
    verdict: Verdict,
    scaler: Scaler,
    decisions: RecentDecisions,
    status: watch::Sender<DeploymentStatus>,
    /// When it began to go away.
    leaving: Option<Duration>,
}

struct Kept {
    cell: Arc<ReplicaCell>,
    /// When it was first seen to run.
    running_since: Option<Duration>,
}

impl<I: Send + 'static, O: Send + 'static> Desired<I, O> {
    pub(super) fn new(config: DeploymentConfig, blueprint: Blueprint<I, O>) -> Self {
        Self {
            config,
            blueprint,
            deleting: false,
            generation: 0,
        }
    }

    /// Whether it is another wish than before.
    pub(super) fn update(&mut self, config: DeploymentConfig, blueprint: Blueprint<I, O>) -> bool {
        let same = self.config == config && self.blueprint.version() == blueprint.version();
        if !same {
            self.config = config;
            self.blueprint = blueprint;
            self.generation += 1;
        }
        !same
    }
}

impl<I: Send + 'static, O: Send + 'static> Keeper<I, O> {
    pub(super) fn new(
        dispatcher: Arc<Dispatcher<I, O>>,
        desired: Arc<Mutex<Desired<I, O>>>,
        changed: Arc<Notify>,
    ) -> (Self, watch::Receiver<DeploymentStatus>) {
        let config = desired.lock().config.clone();
        let (status, watched) = watch::channel(DeploymentStatus {
            status: DeploymentState::Updating,
            status_trigger: StatusTrigger::ConfigUpdateStarted,
            message: String::new(),
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
            began: Instant::now(),
            generation: 0,
            replicas: Vec::new(),
            tasks: JoinSet::new(),
            next_id: 0,
            replica_config: watch::Sender::new(replica_config(&config)),
            failures: Failures::default(),
            message: String::new(),
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
        while let Some(ended) = self.tasks.try_join_next() {
            let (cell, ending) = match ended {
                Ok(ended) => ended,
                Err(error) => {
                    tracing::error!(%error, "a replica's task ended badly");
                    // Its stage's panics are caught where they happen; so this is a defect of ours.
                    self.replicas
                        .retain(|kept| kept.cell.state() != ReplicaState::Stopped);
                    continue;
                }
            };
            self.replicas.retain(|kept| kept.cell.id != cell.id);
            let (replica, name) = (cell.id.0, &**self.dispatcher.name());
            match ending {
                Ending::Stopped => {}
                Ending::NotStarted(reason) => {
                    tracing::warn!(deployment = name, replica, reason, "a replica cannot start");
                    self.message = format!("a replica could not start: {reason}");
                    self.failures.note(now);
                    self.verdict.not_started();
                }
                Ending::Failed(reason) => {
                    tracing::warn!(deployment = name, replica, reason, "a replica failed");
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
        let running = self
            .replicas
            .iter()
            .filter(|kept| serves(&kept.cell))
            .count();
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
        for kept in &mut self.replicas {
            let runs = kept.cell.state() == ReplicaState::Running;
            if runs && kept.running_since.is_none() {
                kept.running_since = Some(now);
            }
            // One that has come through a health check is a start that succeeded.
            let since = kept
                .running_since
                .filter(|_| runs && kept.cell.version == version);
            if since.is_some_and(|since| now - since >= config.health_check_period) {
                self.failures.forget();
            }
        }
        let gives_up = self.gives_up(target, config);
        let wish = Wish {
            target,
            version,
            step: share(target, config.rolling_update_percentage),
            surge: match config.max_surge_percent {
                percent if percent > 0.0 => share(target, percent / 100.0),
                _ => 0,
            },
            may_start: self.leaving.is_none_or(|_| target > 0)
                && !gives_up
                && self.failures.over(now),
        };
        for action in reconcile(&wish, &self.views(load)) {
            match action {
                Action::Start => self.begin(blueprint),
                Action::Stop(id) => self.end(id),
            }
        }
        if gives_up && !self.replicas.iter().any(|kept| serves(&kept.cell)) {
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
        let view = |kept: &Kept| View {
            id: kept.cell.id,
            version: kept.cell.version,
            state: kept.cell.state(),
            ongoing: ongoing.get(&kept.cell.id).copied().unwrap_or(0),
        };
        let views = self.replicas.iter().map(view);
        // One that was told to stop may not have noticed yet.
        let told = |id| {
            let kept = self.replicas.iter().find(|kept| kept.cell.id == id);
            kept.is_some_and(|kept| kept.cell.stop.is_cancelled())
        };
        views.filter(|view| !told(view.id)).collect()
    }

    fn begin(&mut self, blueprint: &Blueprint<I, O>) {
        let id = ReplicaId(self.next_id);
        self.next_id += 1;
        let cell = Arc::new(ReplicaCell::new(id, blueprint.version()));
        let life = Life {
            cell: Arc::clone(&cell),
            dispatcher: Arc::clone(&self.dispatcher),
            config: self.replica_config.subscribe(),
            changed: Arc::clone(&self.changed),
        };
        self.tasks.spawn(life.live(blueprint.make()));
        self.replicas.push(Kept {
            cell,
            running_since: None,
        });
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
        let of_version =
            |kept: &&Kept| kept.cell.version == blueprint.version() && serves(&kept.cell);
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
            message: self.message.clone(),
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

fn serves(cell: &ReplicaCell) -> bool {
    matches!(cell.state(), ReplicaState::Running | ReplicaState::Updating)
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
