//! [`Scheduler`]: the two queues, how a sequence gets in, and how it is taken out.

use std::collections::VecDeque;

use crate::batch::SequenceId;
use crate::error::EngineError;
use crate::kv_cache::{BlockMove, BlockTable, KvCache, TierIndex};
use crate::request::GenerateRequest;
use crate::scheduler::counters::Counters;
use crate::scheduler::update::Ended;
use crate::sequence::Sequence;
use crate::step_cost::{MoveCost, StepCost, Work};

/// Decides what each step computes, and owns every sequence that has not ended.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(super) limits: SchedulerLimits,
    /// The model's end-of-sequence tokens.
    pub(super) eos: Vec<u32>,
    pub(super) cache: KvCache,
    /// What steps cost, as measured.
    pub(super) cost: StepCost,
    /// What restoring a block costs, as measured.
    pub(super) restore_cost: MoveCost,
    /// What reading a block from disk costs, as measured.
    pub(super) fetch_cost: MoveCost,
    /// Admitted ones, earliest arrival first. They hold blocks.
    pub(super) running: Vec<Sequence>,
    /// All others, earliest arrival first. They hold none.
    pub(super) waiting: VecDeque<Sequence>,
    /// Ended since the last [`update`](Self::update).
    pub(super) ended: Vec<Ended>,
    pub(super) counters: Counters,
    next_id: u64,
}

/// How much one step may compute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SchedulerLimits {
    max_num_seqs: usize,
    max_num_batched_tokens: usize,
    target_itl: f64,
}

impl SchedulerLimits {
    /// At most `max_num_seqs` sequences and `max_num_batched_tokens` tokens a step. Each is at
    /// least 1, and there are never more sequences than tokens: a step has a token for everyone.
    pub(crate) fn new(max_num_seqs: usize, max_num_batched_tokens: usize) -> Self {
        let max_num_batched_tokens = max_num_batched_tokens.max(1);
        Self {
            max_num_seqs: max_num_seqs.clamp(1, max_num_batched_tokens),
            max_num_batched_tokens,
            target_itl: f64::INFINITY,
        }
    }

    /// With a target in seconds for steps in which a stream is being read; without one there is none.
    #[must_use]
    pub(crate) fn with_target_itl(mut self, seconds: f64) -> Self {
        self.target_itl = seconds;
        self
    }

    /// Sequences that run at the same time.
    pub(crate) fn max_num_seqs(self) -> usize {
        self.max_num_seqs
    }

    /// Tokens of one step.
    pub(crate) fn max_num_batched_tokens(self) -> usize {
        self.max_num_batched_tokens
    }

    /// Seconds that a step should last at most while a stream is being read.
    pub(crate) fn target_itl(self) -> f64 {
        self.target_itl
    }
}

impl Scheduler {
    /// An empty scheduler over `cache`; `eos` are the model's end-of-sequence tokens.
    pub(crate) fn new(limits: SchedulerLimits, cache: KvCache, eos: Vec<u32>) -> Self {
        Self {
            limits,
            eos,
            cache,
            cost: StepCost::new(),
            restore_cost: MoveCost::default(),
            fetch_cost: MoveCost::default(),
            running: Vec::new(),
            waiting: VecDeque::new(),
            ended: Vec::new(),
            counters: Counters::default(),
            next_id: 0,
        }
    }

    /// Queues a request. One with nothing to compute, and one that the cache can never hold, ends
    /// with the next [`update`](Self::update) without being computed.
    pub(crate) fn add(&mut self, request: GenerateRequest) -> SequenceId {
        let id = SequenceId(self.next_id);
        self.next_id += 1;
        let sequence = Sequence::new(id, request);
        if let Some(reason) = sequence.finish_reason(&self.eos) {
            self.end(sequence, Ok(reason));
        } else if let Err(error) = self.fits(&sequence) {
            self.end(sequence, Err(error));
        } else {
            self.waiting.push_back(sequence);
        }
        id
    }

    /// Drops a sequence and frees its blocks; it is not reported as ended. One that has ended
    /// already is none of its business.
    pub(crate) fn abort(&mut self, id: SequenceId) {
        let taken = self.take_running(id).or_else(|| self.take_waiting(id));
        if let Some(mut sequence) = taken {
            self.cache.release(&mut sequence.table);
            self.counters.aborted += 1;
        }
    }

    /// Takes in that a step with this work took so many seconds: the next plans are cut accordingly.
    pub(crate) fn observe(&mut self, work: &Work, seconds: f64) {
        self.cost.observe(work, seconds);
    }

    /// Takes in that moving `blocks` blocks between the pool and memory took so many seconds.
    pub(crate) fn observe_moves(&mut self, blocks: usize, seconds: f64) {
        self.restore_cost.observe(blocks, seconds);
    }

    /// Takes in that reading `blocks` blocks from disk took so many seconds.
    pub(crate) fn observe_fetches(&mut self, blocks: usize, seconds: f64) {
        self.fetch_cost.observe(blocks, seconds);
    }

    /// Admitted sequences, earliest arrival first.
    pub(crate) fn running(&self) -> &[Sequence] {
        &self.running
    }

    /// Waiting sequences, earliest arrival first.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &Sequence> {
        self.waiting.iter()
    }

    /// What the cache's colder tiers must do before the plan is computed.
    pub(crate) fn take_moves(&mut self) -> Vec<BlockMove> {
        let tiers = self.cache.tiers_mut();
        tiers.map(TierIndex::take_moves).unwrap_or_default()
    }

    /// The cache's colder tiers.
    pub(crate) fn tiers_mut(&mut self) -> Option<&mut TierIndex> {
        self.cache.tiers_mut()
    }

    /// The block pool and prefix index.
    pub(crate) fn cache(&self) -> &KvCache {
        &self.cache
    }

    /// How much one step may compute.
    pub(crate) fn limits(&self) -> SchedulerLimits {
        self.limits
    }

    /// What was done so far.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where a running sequence is in its queue.
    pub(super) fn find_running(&self, id: SequenceId) -> Option<usize> {
        self.running.binary_search_by_key(&id, |s| s.id).ok()
    }

    /// Takes a running sequence out of its queue.
    pub(super) fn take_running(&mut self, id: SequenceId) -> Option<Sequence> {
        let i = self.find_running(id)?;
        Some(self.running.remove(i))
    }

    /// Takes a waiting sequence out of its queue.
    fn take_waiting(&mut self, id: SequenceId) -> Option<Sequence> {
        let i = self.waiting.binary_search_by_key(&id, |s| s.id).ok()?;
        self.waiting.remove(i)
    }

    /// Whether the whole cache could hold the sequence at its present length.
    pub(super) fn fits(&self, sequence: &Sequence) -> Result<(), EngineError> {
        let needed = BlockTable::blocks_for(sequence.tokens().len());
        let total = self.cache.counts().total;
        if needed > total {
            return Err(EngineError::CacheTooSmall { needed, total });
        }
        Ok(())
    }
}
