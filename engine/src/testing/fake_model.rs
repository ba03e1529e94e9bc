//! [`FakeModel`]: what it remembers in its blocks, and how it answers from them.

use std::fmt;

use crate::batch::{BatchPlan, BlockId, LogitRows, ScheduledSequence};
use crate::config::BLOCK_SIZE;
use crate::model::{Forward, Logits, ModelError, Workers};
use crate::request::ModelLimits;
use crate::testing::latch::Latch;

/// A model whose next token is a function of all tokens before it, read back from its blocks.
///
/// By default that function is a hash with a few likely candidates, so that sampling has something
/// to choose from; [`answering`](Self::answering) and [`scripted`](Self::scripted) put another in
/// its place.
pub struct FakeModel {
    limits: ModelLimits,
    /// What was written at each slot of each block.
    memory: Vec<Option<Slot>>,
    answer: Answer,
    on_step: Option<Hook>,
    workers: Option<Box<dyn Workers + Send>>,
    rows: Vec<f32>,
}

/// How a token follows from the tokens before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FakeToken {
    /// This one, as good as certainly.
    Certain(u32),
    /// One of a few, chosen by a hash of the tokens before it; not equally likely.
    Hashed,
    /// The same by the last so many tokens only: such a model repeats itself.
    Recent(usize),
}

/// In the place of a position's keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    token: u32,
    position: usize,
}

type Answer = Box<dyn Fn(&[u32]) -> FakeToken + Send>;
type Hook = Box<dyn FnMut(&BatchPlan) -> Result<(), ModelError> + Send>;

/// Logit of everything but the candidates: about e^-40 of the likeliest, in any vocabulary nothing.
const UNLIKELY: f32 = -36.0;
/// Logit of the likeliest candidate, and how much less each further one has.
const LIKELIEST: f32 = 4.0;
const STEP_DOWN: f32 = 0.5;
const CANDIDATES: u64 = 8;
/// Bytes of a slot when its block is copied: the position, then the token.
const SLOT_BYTES: usize = 8;

impl FakeModel {
    /// A model with these limits and so many KV blocks, which answers by hash.
    pub fn new(limits: ModelLimits, num_blocks: usize) -> Self {
        Self {
            limits,
            memory: vec![None; num_blocks * BLOCK_SIZE],
            answer: Box::new(|_| FakeToken::Hashed),
            on_step: None,
            workers: None,
            rows: Vec::new(),
        }
    }

    /// Answers with what `answer` says of the tokens so far, prompt and generated.
    #[must_use]
    pub fn answering(mut self, answer: impl Fn(&[u32]) -> FakeToken + Send + 'static) -> Self {
        self.answer = Box::new(answer);
        self
    }

    /// Answers every prompt with `script`, then `eos`.
    ///
    /// How much of the script has been said is told from the tokens alone: it is the longest
    /// beginning of the script with which they end. So a prompt should not end as the script begins.
    #[must_use]
    pub fn scripted(self, script: Vec<u32>, eos: u32) -> Self {
        self.answering(move |tokens| {
            let said = (0..=script.len())
                .rev()
                .find(|&n| tokens.ends_with(&script[..n]));
            FakeToken::Certain(script.get(said.unwrap_or(0)).copied().unwrap_or(eos))
        })
    }

    /// Calls `hook` before each step. It may wait, fail the step, or panic.
    #[must_use]
    pub fn on_step(
        mut self,
        hook: impl FnMut(&BatchPlan) -> Result<(), ModelError> + Send + 'static,
    ) -> Self {
        self.on_step = Some(Box::new(hook));
        self
    }

    /// Lends `workers` to whoever reads its logits.
    #[must_use]
    pub fn with_workers(mut self, workers: impl Workers + Send + 'static) -> Self {
        self.workers = Some(Box::new(workers));
        self
    }

    /// Holds each step until the latch lets it go. Takes the place of [`on_step`](Self::on_step).
    #[must_use]
    pub fn with_latch(self) -> (Self, Latch) {
        let (latch, hook) = Latch::new();
        (self.on_step(hook), latch)
    }

    /// Writes the planned tokens into the blocks, then reads the sequence back from its beginning.
    fn write_and_read(&mut self, scheduled: &ScheduledSequence) -> Result<Vec<u32>, ModelError> {
        let end = scheduled.start + scheduled.tokens.len();
        let fault = |why| Err(ModelError::Plan { why });
        let enough = scheduled.block_table.len() * BLOCK_SIZE >= end
            && scheduled.num_logit_rows() <= scheduled.tokens.len();
        if !enough || scheduled.tokens.is_empty() {
            return fault(format!("blocks or tokens are missing: {scheduled:?}"));
        }
        let slots: Vec<_> = (0..end)
            .map(|p| {
                let block = scheduled.block_table[p / BLOCK_SIZE].0 as usize;
                block * BLOCK_SIZE + p % BLOCK_SIZE
            })
            .collect();
        if slots.iter().any(|&slot| slot >= self.memory.len()) {
            return fault(format!("there is no such block: {scheduled:?}"));
        }
        for (offset, &token) in scheduled.tokens.iter().enumerate() {
            let position = scheduled.start + offset;
            self.memory[slots[position]] = Some(Slot { token, position });
        }
        let mut history = Vec::with_capacity(end);
        for (position, &slot) in slots.iter().enumerate() {
            match self.memory[slot] {
                Some(found) if found.position == position => history.push(found.token),
                found => {
                    let id = scheduled.id;
                    return fault(format!("{id:?} reads {found:?} at position {position}"));
                }
            }
        }
        Ok(history)
    }

    /// Appends the row that follows `history`.
    fn push_row(&mut self, history: &[u32]) {
        let vocab = self.limits.vocab_size;
        let first = self.rows.len();
        self.rows.resize(first + vocab, UNLIKELY);
        let row = &mut self.rows[first..];
        match (self.answer)(history) {
            FakeToken::Certain(id) => {
                if let Some(logit) = row.get_mut(id as usize) {
                    *logit = LIKELIEST;
                }
            }
            FakeToken::Hashed => candidates(row, history),
            FakeToken::Recent(count) => {
                candidates(row, &history[history.len().saturating_sub(count)..]);
            }
        }
    }
}

impl Forward for FakeModel {
    fn limits(&self) -> ModelLimits {
        self.limits
    }

    fn num_blocks(&self) -> usize {
        self.memory.len() / BLOCK_SIZE
    }

    fn block_bytes(&self) -> usize {
        BLOCK_SIZE * SLOT_BYTES
    }

    fn identity(&self) -> [u8; 32] {
        [7; 32]
    }

    fn read_block(&self, block: BlockId, to: &mut [u8]) -> bool {
        let first = block.0 as usize * BLOCK_SIZE;
        let slots = &self.memory[first..first + BLOCK_SIZE];
        for (slot, to) in slots.iter().zip(to.as_chunks_mut::<SLOT_BYTES>().0) {
            let number = slot.map_or(u64::MAX, |s| (s.position as u64) << 32 | u64::from(s.token));
            *to = number.to_le_bytes();
        }
        true
    }

    fn write_block(&mut self, block: BlockId, from: &[u8]) {
        let first = block.0 as usize * BLOCK_SIZE;
        let slots = &mut self.memory[first..first + BLOCK_SIZE];
        for (slot, from) in slots.iter_mut().zip(from.as_chunks::<SLOT_BYTES>().0) {
            let number = u64::from_le_bytes(*from);
            let [position, token] = [number >> 32, number & u64::from(u32::MAX)];
            *slot = usize::try_from(position)
                .ok()
                .zip(u32::try_from(token).ok())
                .and_then(|(position, token)| {
                    (number != u64::MAX).then_some(Slot { token, position })
                });
        }
    }

    fn forward(&mut self, plan: &BatchPlan) -> Result<Logits<'_>, ModelError> {
        if let Some(hook) = &mut self.on_step {
            hook(plan)?;
        }
        self.rows.clear();
        for scheduled in &plan.sequences {
            let history = self.write_and_read(scheduled)?;
            let wanted = match scheduled.logits {
                LogitRows::None => history.len()..history.len(),
                LogitRows::Last => history.len() - 1..history.len(),
                LogitRows::Tail(rows) => history.len() - rows..history.len(),
                LogitRows::All => scheduled.start..history.len(),
            };
            for position in wanted {
                self.push_row(&history[..=position]);
            }
        }
        let logits = Logits::new(&mut self.rows, self.limits.vocab_size);
        Ok(match &self.workers {
            Some(workers) => logits.with_workers(&**workers),
            None => logits,
        })
    }
}

impl fmt::Debug for FakeModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeModel")
            .field("limits", &self.limits)
            .field("num_blocks", &self.num_blocks())
            .finish_non_exhaustive()
    }
}

/// Makes a few tokens likely, by a hash of `history`.
fn candidates(row: &mut [f32], history: &[u32]) {
    let hash = hash(history);
    let mut logit = LIKELIEST;
    for candidate in 0..CANDIDATES {
        let id = mix(hash ^ candidate) % (row.len() as u64).max(1);
        if let Some(place) = usize::try_from(id).ok().and_then(|i| row.get_mut(i)) {
            *place = place.max(logit);
        }
        logit -= STEP_DOWN;
    }
}

/// A hash of tokens in their order.
fn hash(tokens: &[u32]) -> u64 {
    tokens
        .iter()
        .fold(0, |hash, &token| mix(hash ^ u64::from(token)))
}

/// SplitMix64's step (Steele, Lea and Flood, 2014): every bit of the input moves every bit of the
/// output.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
