//! What the scheduler has done since it was made.

/// Totals that only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Steps that computed something, failed ones included.
    pub steps: u64,
    /// Positions of prompts computed, those computed again after a preemption included.
    pub prompt_tokens: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
    /// Times that tokens were guessed ahead for a sequence.
    pub drafts: u64,
    /// Tokens guessed ahead.
    pub draft_tokens: u64,
    /// Those of them that were then sampled.
    pub accepted_tokens: u64,
    /// Tokens looked up in the prefix cache at first admission.
    pub prefix_queried_tokens: u64,
    /// Those of them that were found.
    pub prefix_hit_tokens: u64,
    /// Sequences preempted because blocks ran out.
    pub preemptions: u64,
    /// Times that a waiting sequence was passed by a later one with a longer cached prefix.
    pub bypasses: u64,
    /// Sequences whose reader went away.
    pub aborted: u64,
    /// Sequences ended by a stop or end-of-sequence token.
    pub finished_stop: u64,
    /// Sequences ended by their length.
    pub finished_length: u64,
    /// Sequences ended by an error.
    pub failed: u64,
}
