//! The plan of one step, as a plain value: what to compute, for whom, where.
//!
//! The scheduler writes it, every rank of a model computes it, tests print and compare it (DESIGN
//! idea 4). It knows no tensor, clock or thread.

/// Names a sequence within one engine; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(pub u64);

/// Index of a block in the KV cache's pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

/// What one step computes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchPlan {
    /// Each sequence at most once, in the order in which their logits come back.
    pub sequences: Vec<ScheduledSequence>,
}

/// One sequence's share of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledSequence {
    /// Whose share it is.
    pub id: SequenceId,
    /// Token ids to compute, one or more, at positions `start..start + tokens.len()`. The last of
    /// them may be [drafts](Self::drafts).
    pub tokens: Vec<u32>,
    /// Position of the first of them: the keys and values of `0..start` are already in the blocks.
    pub start: usize,
    /// Blocks of the sequence in order of position, enough for `start + tokens.len()` tokens. The
    /// step writes keys and values of the computed positions into them.
    pub block_table: Vec<BlockId>,
    /// Rows of logits wanted.
    pub logits: LogitRows,
}

/// Which of a sequence's computed positions need logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitRows {
    /// None: the prompt is not yet read to its end.
    None,
    /// The last one: a token is sampled from it.
    Last,
    /// The last so many, two or more: behind the last token of the sequence come drafts, guesses at
    /// what will be sampled, and each is verified by the row before it.
    Tail(usize),
    /// All: the prompt's log-probabilities were asked for.
    All,
}

impl BatchPlan {
    /// Tokens that the step computes.
    pub fn num_tokens(&self) -> usize {
        self.sequences.iter().map(|s| s.tokens.len()).sum()
    }

    /// Rows of logits that the step gives back.
    pub fn num_logit_rows(&self) -> usize {
        self.sequences
            .iter()
            .map(ScheduledSequence::num_logit_rows)
            .sum()
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }
}

impl ScheduledSequence {
    /// Rows of logits that this sequence gets.
    pub fn num_logit_rows(&self) -> usize {
        self.logits.count(self.tokens.len())
    }

    /// The guesses among `tokens`, its last ones.
    pub fn drafts(&self) -> &[u32] {
        let count = match self.logits {
            LogitRows::Tail(rows) => rows.saturating_sub(1),
            LogitRows::None | LogitRows::Last | LogitRows::All => 0,
        };
        &self.tokens[self.tokens.len().saturating_sub(count)..]
    }

    /// How many drafts were right, when `sampled` came of this share.
    pub fn num_accepted(&self, sampled: &[u32]) -> usize {
        let pairs = self.drafts().iter().zip(sampled);
        pairs
            .take_while(|(draft, sampled)| draft == sampled)
            .count()
    }
}

impl LogitRows {
    /// Rows wanted of `computed` positions.
    pub(crate) fn count(self, computed: usize) -> usize {
        match self {
            Self::None => 0,
            Self::Last => 1,
            Self::Tail(rows) => rows,
            Self::All => computed,
        }
    }
}
