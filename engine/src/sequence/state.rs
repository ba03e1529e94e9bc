//! [`Sequence`]: counts that move forward, and the questions that a scheduler asks of them.

use crate::batch::{LogitRows, SequenceId};
use crate::config::BLOCK_SIZE;
use crate::event::{FinishReason, Usage};
use crate::kv_cache::BlockTable;
use crate::request::GenerateRequest;

/// A request's tokens so far, and how far they are computed.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Its name; sequences are numbered in the order of their arrival.
    pub(crate) id: SequenceId,
    /// Where its keys and values lie.
    pub(crate) table: BlockTable,
    request: GenerateRequest,
    /// The prompt, then what was generated.
    tokens: Vec<u32>,
    /// Leading tokens whose keys and values are in the blocks.
    computed: usize,
    /// Leading positions whose logits were answered as prompt log-probabilities. Never goes back:
    /// a preempted sequence does not answer them twice.
    scored: usize,
    /// Tokens found in the prefix cache at the first admission, here or where it was begun; `None` before it.
    cached: Option<usize>,
    /// Later arrivals that were admitted while it waited.
    bypasses: u32,
    /// Whether it has waited for blocks from disk: it does so once.
    fetched: bool,
}

impl Sequence {
    /// A sequence of which nothing is computed yet. One that was begun elsewhere stands like one that
    /// was preempted: its prompt is scored, and what was cached then is what counts.
    pub(crate) fn new(id: SequenceId, request: GenerateRequest) -> Self {
        let scored = match request.params().prompt_logprobs {
            Some(_) if request.resumes() => request.prompt().len() - 1,
            Some(_) | None => 0,
        };
        Self {
            id,
            table: BlockTable::default(),
            tokens: [request.prompt(), request.said()].concat(),
            computed: 0,
            scored,
            cached: request.said_cached().map(|cached| cached as usize),
            bypasses: 0,
            fetched: false,
            request,
        }
    }

    /// Prompt and generated tokens.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Leading tokens whose keys and values are in the blocks.
    pub(crate) fn num_computed(&self) -> usize {
        self.computed
    }

    /// Tokens that are still to be computed before the next one can be sampled.
    pub(crate) fn gap(&self) -> usize {
        self.tokens.len() - self.computed
    }

    /// Whether somebody waits for its next token: its prompt is read, and its gap is a token or a few.
    /// A long gap of generated tokens, after a preemption, is read like a prompt.
    pub(crate) fn decodes(&self) -> bool {
        self.computed >= self.prompt_len() && self.gap() <= BLOCK_SIZE
    }

    /// Whether it has been admitted before: if it waits, it was preempted, or begun elsewhere.
    pub(crate) fn was_admitted(&self) -> bool {
        self.cached.is_some()
    }

    /// The table, and the tokens that may be looked up in the prefix cache; of these the last is
    /// never matched. All of them, except where a position must be computed for its logits.
    pub(crate) fn matchable(&mut self) -> (&mut BlockTable, &[u32]) {
        let end = if self.wants_scores() {
            self.scored + 1
        } else {
            self.tokens.len()
        };
        (&mut self.table, &self.tokens[..end])
    }

    /// The table, and the computed tokens, whose full blocks may be indexed.
    pub(crate) fn committable(&mut self) -> (&mut BlockTable, &[u32]) {
        (&mut self.table, &self.tokens[..self.computed])
    }

    /// The table, and the tokens whose full blocks will be indexed when they are computed: all.
    pub(crate) fn pending(&mut self) -> (&mut BlockTable, &[u32]) {
        (&mut self.table, &self.tokens)
    }

    /// Whether it may wait for blocks from disk. It may once, so that it does not wait for ever where
    /// the same blocks come and go.
    pub(crate) fn may_fetch(&mut self) -> bool {
        !std::mem::replace(&mut self.fetched, true)
    }

    /// Later arrivals that were admitted while it waited.
    pub(crate) fn bypasses(&self) -> u32 {
        self.bypasses
    }

    /// A later arrival is admitted while it waits.
    pub(crate) fn bypass(&mut self) {
        self.bypasses += 1;
    }

    /// Rows of logits that are wanted when the gap is closed up to `end`.
    pub(crate) fn logits_at(&self, end: usize) -> LogitRows {
        if self.wants_scores() && end > self.scored {
            LogitRows::All
        } else if end == self.tokens.len() {
            LogitRows::Last
        } else {
            LogitRows::None
        }
    }

    /// Starts over with `cached` leading tokens found in the prefix cache.
    pub(crate) fn admit(&mut self, cached: usize) {
        self.computed = cached;
        self.cached.get_or_insert(cached);
    }

    /// Goes back to nothing computed; the tokens are kept.
    pub(crate) fn preempt(&mut self) {
        self.computed = 0;
    }

    /// `count` more tokens are computed.
    pub(crate) fn advance(&mut self, count: usize) {
        self.computed += count;
        debug_assert!(self.computed <= self.tokens.len(), "{self:?}");
        if self.request.params().prompt_logprobs.is_some() {
            self.scored = self.scored.max(self.computed.min(self.num_to_score()));
        }
    }

    /// A token was sampled after the last one.
    pub(crate) fn append(&mut self, token: u32) {
        self.tokens.push(token);
    }

    /// Why the generation is over, if it is. `eos` are the model's end-of-sequence tokens.
    pub(crate) fn finish_reason(&self, eos: &[u32]) -> Option<FinishReason> {
        let params = self.request.params();
        let generated = &self.tokens[self.prompt_len()..];
        if let Some(&last) = generated.last()
            && self.request.stops_at(last, generated.len(), eos)
        {
            return Some(FinishReason::StopToken(last));
        }
        let full = generated.len() >= params.max_tokens as usize;
        (full && !self.wants_scores()).then_some(FinishReason::Length)
    }

    /// Tokens that it may still say.
    pub(crate) fn num_unsaid(&self) -> usize {
        let generated = self.tokens.len() - self.prompt_len();
        (self.request.params().max_tokens as usize).saturating_sub(generated)
    }

    /// What it cost so far.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            prompt_tokens: count(self.prompt_len()),
            cached_tokens: count(self.cached.unwrap_or(0)),
            completion_tokens: count(self.tokens.len() - self.prompt_len()),
        }
    }

    /// Tokens of the prompt.
    pub(crate) fn prompt_len(&self) -> usize {
        self.request.prompt().len()
    }

    /// Whether log-probabilities of the prompt were asked for and are not all answered.
    fn wants_scores(&self) -> bool {
        self.request.params().prompt_logprobs.is_some() && self.scored < self.num_to_score()
    }

    /// Positions whose logits score a token of the prompt: each but the last, for the next one.
    fn num_to_score(&self) -> usize {
        self.prompt_len() - 1
    }
}

/// Counts of tokens are below a context's length, far below 2^32.
fn count(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}
