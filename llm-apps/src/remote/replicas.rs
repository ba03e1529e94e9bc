//! [`Replicas`]: the handle that stands where an [`Engine`](engine::Engine) would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use engine::{EngineError, EngineStats, GenerateRequest, ModelLimits};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::cell::{Cell, Chosen, sum};
use super::config::{Facts, Program, ReplicaConfig, ReplicasConfig};
use super::error::ReplicasError;
use super::process::Starter;
use super::quarantine::Quarantine;
use super::status::ReplicasStatus;
use super::stream::ReplicaStream;
use super::supervisor::Supervisor;

/// The replicas of one model. Clones share them; when the last one is dropped, their processes end, and
/// what they had not answered ends in [`EngineError::ShuttingDown`].
#[derive(Debug, Clone)]
pub struct Replicas {
    owner: Arc<Owner>,
}

/// What replicas have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// What requests must be proved against.
    pub limits: ModelLimits,
    /// Tokens that end an answer.
    pub eos_token_ids: Vec<u32>,
    /// For people.
    pub facts: Facts,
}

#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    opened: Opened,
    supervisors: Mutex<JoinSet<()>>,
}

/// What generations know of their replicas.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) cells: Vec<Arc<Cell>>,
    pub(super) quarantine: Quarantine,
    pub(super) failovers: AtomicU64,
    pub(super) quarantined: AtomicU64,
    changed: Arc<watch::Sender<()>>,
    closed: AtomicBool,
    /// Generations that have not ended, at most as many as all engines together may hold.
    held: AtomicUsize,
    /// What one engine may hold.
    max_requests: usize,
    failover_timeout: Duration,
    turn: AtomicUsize,
}

/// A generation's share of what may be held. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place(Arc<Shared>);

impl Replicas {
    /// Starts them, and comes back when all are ready. `name` is the model's.
    ///
    /// # Errors
    /// [`ReplicasError`] when one of them cannot be started; then none is left.
    pub async fn start(
        name: &str,
        program: Program,
        opens: ReplicaConfig,
        config: ReplicasConfig,
    ) -> Result<Self, ReplicasError> {
        let thread = |error: std::io::Error| ReplicasError::Thread(error.to_string());
        let starter = Arc::new(Starter::new(Handle::current()).map_err(thread)?);
        let max_requests = opens.engine.max_requests;
        let names = (0..config.replicas.get()).map(|number| format!("{name}/{number}"));
        let shared = Shared::new(names, max_requests, config.failover_timeout);
        let (program, opens) = (Arc::new(program), Arc::new(opens));
        let mut supervisors = JoinSet::new();
        let mut coming = Vec::new();
        for cell in &shared.cells {
            let (first, started) = oneshot::channel();
            let supervisor = Supervisor {
                cell: Arc::clone(cell),
                starter: Arc::clone(&starter),
                program: Arc::clone(&program),
                opens: Arc::clone(&opens),
                config,
                first: Some(first),
            };
            supervisors.spawn(supervisor.run());
            coming.push((cell.name().to_owned(), started));
        }
        let mut opened = None;
        for (name, started) in coming {
            let gone = |_| Err("its supervisor is gone".to_owned());
            match started.await.unwrap_or_else(gone) {
                Ok(found) => opened = Some(found),
                Err(why) => return Err(ReplicasError::Start { name, why }),
            }
        }
        let none = || ReplicasError::Thread("there is no replica".to_owned());
        Ok(Self::of(shared, opened.ok_or_else(none)?, supervisors))
    }

    pub(super) fn of(shared: Arc<Shared>, opened: Opened, supervisors: JoinSet<()>) -> Self {
        let owner = Owner {
            shared,
            opened,
            supervisors: Mutex::new(supervisors),
        };
        Self {
            owner: Arc::new(owner),
        }
    }

    /// Accepts a request and answers at once; its events come through the stream, from whichever replica
    /// computes it at the time.
    ///
    /// # Errors
    /// [`EngineError::Full`], [`EngineError::ShuttingDown`], or [`EngineError::Quarantined`] when
    /// replicas ended under this request before.
    pub fn submit(&self, request: GenerateRequest) -> Result<ReplicaStream, EngineError> {
        let shared = &self.owner.shared;
        if shared.is_closed() {
            return Err(EngineError::ShuttingDown);
        }
        if shared.quarantine.holds(&request) {
            shared.quarantined.fetch_add(1, Ordering::Relaxed);
            return Err(EngineError::Quarantined { replicas: 2 });
        }
        let place = shared.reserve()?;
        Ok(ReplicaStream::new(Arc::clone(shared), place, request))
    }

    /// What they said when they opened the model.
    pub fn opened(&self) -> &Opened {
        &self.owner.opened
    }

    /// What requests must be proved against.
    pub fn limits(&self) -> ModelLimits {
        self.owner.opened.limits
    }

    /// How their engines do, all together, as of their latest word.
    pub fn stats(&self) -> EngineStats {
        let shared = &self.owner.shared;
        let all = shared.cells.iter().map(|cell| cell.stats());
        EngineStats {
            held_requests: shared.held.load(Ordering::Acquire),
            ..all.fold(EngineStats::default(), sum)
        }
    }

    /// How each of them stands.
    pub fn status(&self) -> ReplicasStatus {
        let shared = &self.owner.shared;
        ReplicasStatus {
            replicas: shared.cells.iter().map(|cell| cell.status()).collect(),
            failovers: shared.failovers.load(Ordering::Relaxed),
            quarantined: shared.quarantined.load(Ordering::Relaxed),
        }
    }

    /// Takes no more requests and ends the processes; what they had not answered ends in
    /// [`EngineError::ShuttingDown`]. Calling it again does nothing.
    pub fn shutdown(&self) {
        self.owner.stop();
    }
}

impl Owner {
    fn stop(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.changed.send_replace(());
        self.supervisors.lock().abort_all();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    pub(super) fn new(
        names: impl Iterator<Item = String>,
        max_requests: usize,
        failover_timeout: Duration,
    ) -> Arc<Self> {
        let changed = Arc::new(watch::Sender::new(()));
        Arc::new(Self {
            cells: names.map(|name| Cell::new(name, &changed)).collect(),
            quarantine: Quarantine::default(),
            failovers: AtomicU64::new(0),
            quarantined: AtomicU64::new(0),
            changed,
            closed: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            max_requests,
            failover_timeout,
            turn: AtomicUsize::new(0),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn reserve(self: &Arc<Self>) -> Result<Place, EngineError> {
        let limit = self.max_requests.saturating_mul(self.cells.len());
        let one_more = |count| (count < limit).then_some(count + 1);
        self.held
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .map_err(|_| EngineError::Full { limit })?;
        Ok(Place(Arc::clone(self)))
    }

    /// A place at the running replica with the fewest generations, waiting for one for as long as an
    /// answer may be without.
    pub(super) async fn choose(&self) -> Result<Chosen, EngineError> {
        let mut changes = self.changed.subscribe();
        let chosen = async {
            loop {
                if self.is_closed() {
                    return Err(EngineError::ShuttingDown);
                }
                changes.mark_unchanged();
                if let Some(chosen) = self.least_loaded() {
                    return Ok(chosen);
                }
                if changes.changed().await.is_err() {
                    return Err(EngineError::ShuttingDown);
                }
            }
        };
        let seconds = self.failover_timeout.as_secs_f64();
        let late = |_| EngineError::Lost(format!("none was ready within {seconds} s"));
        timeout(self.failover_timeout, chosen).await.map_err(late)?
    }

    fn least_loaded(&self) -> Option<Chosen> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.cells.len();
        let mut order: Vec<_> = (0..count).map(|i| (turn + i) % count).collect();
        order.sort_by_key(|&place| self.cells[place].ongoing());
        let mut cells = order.into_iter().map(|place| &self.cells[place]);
        cells.find_map(|cell| cell.choose(self.max_requests))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::AcqRel);
    }
}
