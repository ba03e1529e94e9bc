//! The task that plans the replicas of an application by its latency objectives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::autoscaling::slo::{PlannerState, SloConfig, plan};
use super::measure::Rate;
use super::reins::{Planned, StreamPart};

/// Plans each second, and passes on what the plans say. Dropping it ends its task at once;
/// [`shut_down`](Self::shut_down) waits for it.
pub struct Governor {
    realm: Arc<Mutex<Realm>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What is governed, and by which objectives.
#[derive(Debug)]
pub struct Realm {
    /// The application's name, for logs.
    pub application: Arc<str>,
    /// The objectives.
    pub slo: SloConfig,
    /// The application's requests.
    pub requests: Arc<Rate>,
    /// All its deployments; those with [`Replicas::Planned`](super::Replicas::Planned) follow the plans.
    pub deployments: Vec<(Arc<dyn Planned>, StreamPart)>,
}

/// Time between two plans.
const TICK: Duration = Duration::from_secs(1);

impl Governor {
    /// Begins to plan.
    #[expect(
        clippy::disallowed_methods,
        reason = "the governor owns its task, and joins or aborts it"
    )]
    pub fn start(realm: Realm) -> Self {
        let realm = Arc::new(Mutex::new(realm));
        let stop = CancellationToken::new();
        let task = tokio::spawn(govern(Arc::clone(&realm), stop.clone()));
        Self { realm, stop, task }
    }

    /// Goes on with another configuration; what was seen of stages that stay is kept.
    pub fn update(&self, realm: Realm) {
        *self.realm.lock() = realm;
    }

    /// Ends the planning.
    pub async fn shut_down(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "a planner ended badly");
        }
    }
}

async fn govern(realm: Arc<Mutex<Realm>>, stop: CancellationToken) {
    let began = Instant::now();
    let mut state = PlannerState::default();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is at once, before anything was measured.
    tick.tick().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        look(&realm.lock(), &mut state, began);
    }
}

/// One plan.
fn look(realm: &Realm, state: &mut PlannerState, began: Instant) {
    let now = Instant::now();
    let requests = realm.requests.per_second(now);
    let loads = realm.deployments.iter();
    let stages: Vec<_> = loads
        .map(|(deployment, part)| {
            let mut load = deployment.load(*part, now);
            if requests > 0.0 {
                load.visits = load.arrival_rate / requests;
            }
            load
        })
        .collect();
    let plan = plan(&realm.slo, &stages, state, now - began);
    tracing::trace!(
        application = &*realm.application,
        reason = plan.reason,
        "planned"
    );
    if let Some(change) = plan.change
        && let Some((deployment, _)) = realm.deployments.get(change.stage)
    {
        // Its keeper logs it.
        deployment.accept(change.decision);
    }
}

impl Drop for Governor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let realm = self.realm.lock();
        f.debug_struct("Governor")
            .field("slo", &realm.slo)
            .finish_non_exhaustive()
    }
}
