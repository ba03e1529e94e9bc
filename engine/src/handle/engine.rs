//! [`Engine`]: submit requests to the engine's thread, ask how it does, stop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, ThreadId};

use flume::{Sender, TrySendError};
use parking_lot::Mutex;

use crate::config::EngineConfig;
use crate::core::{Command, Core, EngineStats, Held, StatsBoard, Submission, run};
use crate::error::EngineError;
use crate::handle::start::{StartError, prove};
use crate::handle::stream::TokenStream;
use crate::kv_cache::KvCache;
use crate::model::Forward;
use crate::request::{GenerateRequest, ModelLimits};
use crate::scheduler::{Scheduler, SchedulerLimits};

/// A running engine. Clones share it; when the last one is dropped, every request ends in
/// [`EngineError::ShuttingDown`] and the thread is joined.
#[derive(Debug, Clone)]
pub struct Engine {
    owner: Arc<Owner>,
}

/// Owns the thread.
#[derive(Debug)]
struct Owner {
    commands: Sender<Command>,
    held: Held,
    stats: Arc<StatsBoard>,
    limits: ModelLimits,
    stopping: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: ThreadId,
}

impl Engine {
    /// Starts the engine's thread on `model`. `eos` are the token ids that end an answer.
    ///
    /// # Errors
    /// [`StartError`] when the configuration cannot work with this model.
    pub fn start(
        model: Box<dyn Forward>,
        eos: Vec<u32>,
        config: &EngineConfig,
    ) -> Result<Self, StartError> {
        let limits = prove(&*model, config)?;
        let cache = KvCache::new(model.num_blocks(), config.enable_prefix_caching);
        let per_step = SchedulerLimits::new(config.max_num_seqs, config.max_num_batched_tokens);
        let scheduler = Scheduler::new(per_step, cache, eos.clone());
        let stats = Arc::new(StatsBoard::default());
        let core = Core::new(model, scheduler, eos, Arc::clone(&stats));

        // Room for every request that can be held, and for the one shutdown: never found full.
        let (commands, inbox) = flume::bounded(config.max_requests.saturating_add(1));
        let thread = thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || run(core, &inbox))
            .map_err(|error| StartError::Thread(error.to_string()))?;
        let owner = Owner {
            commands,
            held: Held::new(config.max_requests),
            stats,
            limits,
            stopping: AtomicBool::new(false),
            thread_id: thread.thread().id(),
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self {
            owner: Arc::new(owner),
        })
    }

    /// Accepts a request and answers at once; its events come through the stream. It should have
    /// been proved against [`limits`](Self::limits).
    ///
    /// # Errors
    /// [`EngineError::Full`] when `max_requests` are held, [`EngineError::ShuttingDown`] when no
    /// more are taken.
    pub fn submit(&self, request: GenerateRequest) -> Result<TokenStream, EngineError> {
        let owner = &*self.owner;
        if owner.stopping.load(Ordering::Acquire) {
            return Err(EngineError::ShuttingDown);
        }
        let limit = owner.held.limit();
        let full = EngineError::Full { limit };
        let Some(reservation) = owner.held.reserve() else {
            return Err(full);
        };
        let (submission, events) = Submission::new(request, reservation);
        let command = Command::Submit(Box::new(submission));
        match owner.commands.try_send(command) {
            Ok(()) => Ok(TokenStream::new(events)),
            Err(TrySendError::Full(_)) => Err(full),
            Err(TrySendError::Disconnected(_)) => Err(EngineError::ShuttingDown),
        }
    }

    /// What requests must be proved against: the model's limits, within the configuration's.
    pub fn limits(&self) -> ModelLimits {
        self.owner.limits
    }

    /// How the engine does, as of its latest step. Never waits for a step.
    pub fn stats(&self) -> EngineStats {
        self.owner.stats.read(self.owner.held.count())
    }

    /// Takes no more requests, ends those that it holds in [`EngineError::ShuttingDown`], and
    /// returns when the thread is gone: after the present step. Calling it again does nothing.
    pub fn shutdown(&self) {
        self.owner.stop();
    }
}

impl Owner {
    fn stop(&self) {
        if !self.stopping.swap(true, Ordering::AcqRel) {
            // It fails only when the thread is gone already.
            self.commands.try_send(Command::Shutdown).ok();
        }
        // A model that holds a handle may make the thread its own last owner.
        if thread::current().id() == self.thread_id {
            return;
        }
        // The lock is held while joining, so that whoever comes second waits as well.
        let mut thread = self.thread.lock();
        if let Some(Err(_)) = thread.take().map(JoinHandle::join) {
            tracing::error!("the engine's thread had panicked");
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}
