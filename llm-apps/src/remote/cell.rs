//! What is known of one replica, shared between its supervisor and those who ask it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::EngineStats;
use parking_lot::Mutex;
use tokio::sync::watch;
use tonic::transport::Channel;

use super::proto::replica_client::ReplicaClient;
use super::status::{ReplicaPhase, ReplicaStatus};

pub(super) type Client = ReplicaClient<Channel>;

/// One replica.
#[derive(Debug)]
pub(super) struct Cell {
    name: String,
    state: Mutex<State>,
    ongoing: AtomicUsize,
    /// Told when any replica of the set may have become ready.
    changed: Arc<watch::Sender<()>>,
}

#[derive(Debug)]
struct State {
    phase: ReplicaPhase,
    /// Where it can be asked, while it can.
    client: Option<Client>,
    /// The number of its process, counted from 1.
    life: u64,
    /// A generation lost it, and nothing was heard of it since.
    is_suspect: bool,
    pid: Option<u32>,
    stats: EngineStats,
    /// What its former processes have counted.
    past: EngineStats,
    last_exit: Option<String>,
}

/// A replica that was chosen for a generation: counted among its ongoing ones until this is dropped.
#[derive(Debug)]
pub(super) struct Chosen {
    cell: Arc<Cell>,
    life: u64,
    pub(super) client: Client,
}

impl Cell {
    pub(super) fn new(name: String, changed: &Arc<watch::Sender<()>>) -> Arc<Self> {
        Arc::new(Self {
            name,
            state: Mutex::new(State {
                phase: ReplicaPhase::Starting,
                client: None,
                life: 0,
                is_suspect: false,
                pid: None,
                stats: EngineStats::default(),
                past: EngineStats::default(),
                last_exit: None,
            }),
            ongoing: AtomicUsize::new(0),
            changed: Arc::clone(changed),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A new process was started.
    pub(super) fn starts(&self, pid: Option<u32>) {
        let mut state = self.state.lock();
        state.phase = ReplicaPhase::Starting;
        state.life += 1;
        state.pid = pid;
    }

    /// It takes requests.
    pub(super) fn runs(&self, client: Client) {
        let mut state = self.state.lock();
        state.phase = ReplicaPhase::Running;
        state.client = Some(client);
        state.is_suspect = false;
        drop(state);
        self.changed.send_replace(());
    }

    /// It said how it does.
    pub(super) fn says(&self, stats: EngineStats) {
        let mut state = self.state.lock();
        state.stats = stats;
        let lives = std::mem::replace(&mut state.is_suspect, false);
        drop(state);
        if lives {
            self.changed.send_replace(());
        }
    }

    /// Its process is gone.
    pub(super) fn ended(&self, why: String, is_crash_loop: bool) {
        let mut state = self.state.lock();
        state.phase = match is_crash_loop {
            true => ReplicaPhase::CrashLoop,
            false => ReplicaPhase::Waiting,
        };
        state.client = None;
        state.pid = None;
        state.last_exit = Some(why);
        let last = std::mem::take(&mut state.stats);
        state.past = sum(state.past, counted(last));
    }

    /// Takes a place at it, if it runs and has fewer than `most` ongoing generations.
    pub(super) fn choose(self: &Arc<Self>, most: usize) -> Option<Chosen> {
        let state = self.state.lock();
        let client = state.client.clone().filter(|_| !state.is_suspect)?;
        let life = state.life;
        drop(state);
        let one_more = |count| (count < most).then_some(count + 1);
        self.ongoing
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()?;
        Some(Chosen {
            cell: Arc::clone(self),
            life,
            client,
        })
    }

    pub(super) fn ongoing(&self) -> usize {
        self.ongoing.load(Ordering::Acquire)
    }

    pub(super) fn status(&self) -> ReplicaStatus {
        let state = self.state.lock();
        ReplicaStatus {
            name: self.name.clone(),
            phase: state.phase,
            pid: state.pid,
            ongoing_requests: self.ongoing(),
            restarts: state.life.saturating_sub(1),
            last_exit: state.last_exit.clone(),
        }
    }

    /// What it and its former processes did.
    pub(super) fn stats(&self) -> EngineStats {
        let state = self.state.lock();
        sum(state.past, state.stats)
    }
}

impl Chosen {
    pub(super) fn name(&self) -> &str {
        &self.cell.name
    }

    /// Nobody else is to ask it before it is heard of again: its supervisor will know more.
    pub(super) fn is_lost(&self) {
        let mut state = self.cell.state.lock();
        if state.life == self.life {
            state.is_suspect = true;
        }
    }
}

impl Drop for Chosen {
    fn drop(&mut self) {
        self.cell.ongoing.fetch_sub(1, Ordering::AcqRel);
        self.cell.changed.send_replace(());
    }
}

/// What remains of a process that is gone: its totals.
fn counted(stats: EngineStats) -> EngineStats {
    let mut tiers = stats.tiers;
    tiers.memory_blocks = 0;
    tiers.disk_blocks = 0;
    EngineStats {
        counters: stats.counters,
        times: stats.times,
        tiers,
        ..EngineStats::default()
    }
}

/// Both together.
pub(super) fn sum(mut a: EngineStats, b: EngineStats) -> EngineStats {
    a.held_requests += b.held_requests;
    a.num_running += b.num_running;
    a.num_waiting += b.num_waiting;
    a.blocks.total += b.blocks.total;
    a.blocks.free += b.blocks.free;
    a.blocks.used += b.blocks.used;
    a.blocks.cached += b.blocks.cached;
    a.tiers.memory_blocks += b.tiers.memory_blocks;
    a.tiers.disk_blocks += b.tiers.disk_blocks;
    a.tiers.restored_blocks += b.tiers.restored_blocks;
    a.tiers.fetched_blocks += b.tiers.fetched_blocks;
    a.times.steps += b.times.steps;
    a.times.scheduling += b.times.scheduling;
    let (to, of) = (&mut a.counters, b.counters);
    for (to, of) in [
        (&mut to.steps, of.steps),
        (&mut to.prompt_tokens, of.prompt_tokens),
        (&mut to.generated_tokens, of.generated_tokens),
        (&mut to.drafts, of.drafts),
        (&mut to.draft_tokens, of.draft_tokens),
        (&mut to.accepted_tokens, of.accepted_tokens),
        (&mut to.prefix_queried_tokens, of.prefix_queried_tokens),
        (&mut to.prefix_hit_tokens, of.prefix_hit_tokens),
        (&mut to.preemptions, of.preemptions),
        (&mut to.bypasses, of.bypasses),
        (&mut to.aborted, of.aborted),
        (&mut to.finished_stop, of.finished_stop),
        (&mut to.finished_length, of.finished_length),
        (&mut to.failed, of.failed),
    ] {
        *to += of;
    }
    a
}
