//! [`Engine`]: submit requests to the engine's thread, ask how it does, stop it.

use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};

use parking_lot::Mutex;

use crate::config::EngineConfig;
use crate::core::{
    Command, Core, EngineStats, Held, Mailbox, StatsBoard, Submission, mailbox, run,
};
use crate::error::EngineError;
use crate::handle::clock::monotonic;
use crate::handle::start::{StartError, prove, speculator};
use crate::handle::stream::TokenStream;
use crate::kv_cache::KvCache;
use crate::kv_tiers::{KvTiers, TierError};
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
    mailbox: Mailbox,
    held: Held,
    stats: Arc<StatsBoard>,
    limits: ModelLimits,
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
        Self::start_with_draft(model, None, eos, config)
    }

    /// The same, with the model that guesses for it, if the configuration wants one. Their token ids
    /// must mean the same tokens.
    ///
    /// # Errors
    /// [`StartError`] when the configuration cannot work with these models.
    pub fn start_with_draft(
        model: Box<dyn Forward>,
        draft: Option<Box<dyn Forward>>,
        eos: Vec<u32>,
        config: &EngineConfig,
    ) -> Result<Self, StartError> {
        let limits = prove(&*model, config)?;
        let speculator = speculator(draft, limits, config)?;
        let mut cache = KvCache::new(model.num_blocks(), config.enable_prefix_caching);
        let tiers = match &config.kv_tiers {
            Some(_) if !config.enable_prefix_caching => Err(TierError::NoPrefixCaching)?,
            Some(asked) => {
                let (tiers, index) = KvTiers::open(asked, &*model)?;
                cache = cache.with_tiers(index);
                Some(tiers)
            }
            None => None,
        };
        let per_step = SchedulerLimits::new(config.max_num_seqs, config.max_num_batched_tokens)
            .with_target_itl(config.target_itl.as_secs_f64());
        let scheduler = Scheduler::new(per_step, cache, eos.clone());
        let stats = Arc::new(StatsBoard::default());
        let mut core =
            Core::new(model, scheduler, eos, Arc::clone(&stats), monotonic()).with_tiers(tiers);
        if let Some(speculator) = speculator {
            core = core.speculating(speculator);
        }

        let (mailbox, inbox) = mailbox(config.max_requests);
        let thread = thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || run(core, inbox))
            .map_err(|error| StartError::Thread(error.to_string()))?;
        let owner = Owner {
            mailbox,
            held: Held::new(config.max_requests),
            stats,
            limits,
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
        let held = &self.owner.held;
        let limit = held.limit();
        let reservation = held.reserve().ok_or(EngineError::Full { limit })?;
        let (submission, events) = Submission::new(request, reservation);
        let command = Command::Submit(Box::new(submission));
        self.owner.mailbox.send(command)?;
        Ok(TokenStream::new(events))
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
        self.mailbox.close();
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
