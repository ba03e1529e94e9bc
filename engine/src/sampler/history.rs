//! What a sequence has said so far, as far as penalties need it, and the edits that follow from it.

use std::collections::HashMap;

use crate::request::{GenerateRequest, SamplingParams};

/// Tokens that penalties touch, each once. Rebuilt by replaying token ids; empty, and free, while no
/// penalty is on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct History {
    /// Token and how often the answer has it, in order of first sight. 0: only in the prompt.
    seen: Vec<(u32, u32)>,
    /// Where a token is in `seen`.
    places: HashMap<u32, usize>,
}

impl History {
    /// The history of a sequence that has only its prompt.
    pub(super) fn new(request: &GenerateRequest) -> Self {
        let mut history = Self::default();
        if repeats(request.params()) {
            for &token in request.prompt() {
                history.entry(token);
            }
        }
        history
    }

    /// Adds one token of the answer.
    pub(super) fn observe(&mut self, token: u32, params: &SamplingParams) {
        if repeats(params) || counts(params) {
            let count = self.entry(token);
            *count = count.saturating_add(1);
        }
    }

    /// Edits the logits of the tokens seen: repetition penalty, then presence and frequency.
    pub(super) fn penalize(&self, logits: &mut [f32], params: &SamplingParams) {
        for &(token, count) in &self.seen {
            let Some(logit) = logits.get_mut(token as usize) else {
                continue;
            };
            if repeats(params) {
                *logit = if *logit > 0.0 {
                    *logit / params.repetition_penalty
                } else {
                    *logit * params.repetition_penalty
                };
            }
            if count > 0 {
                let times = count as f32;
                *logit -= params.presence_penalty + params.frequency_penalty * times;
            }
        }
    }

    /// How often the answer has `token`, to be changed.
    fn entry(&mut self, token: u32) -> &mut u32 {
        let place = *self.places.entry(token).or_insert_with(|| {
            self.seen.push((token, 0));
            self.seen.len() - 1
        });
        &mut self.seen[place].1
    }
}

#[expect(
    clippy::float_cmp,
    reason = "exactly 1 is the value that switches it off"
)]
fn repeats(params: &SamplingParams) -> bool {
    params.repetition_penalty != 1.0
}

fn counts(params: &SamplingParams) -> bool {
    params.presence_penalty != 0.0 || params.frequency_penalty != 0.0
}
