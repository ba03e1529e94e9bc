//! One sequence's sampling: a row of logits becomes a token.
//!
//! Pure and deterministic: the token depends on the request, the tokens generated so far and the row
//! of logits, on nothing else (DESIGN ideas 1 and 2). The state of a [`Sampler`] is rebuilt by
//! replaying token ids, and randomness is counter-based, so a generation goes on anywhere with the
//! same tokens. The steps, in this order:
//!
//! 1. log-probabilities of the model's own distribution, when asked for (`logprobs`);
//! 2. logit bias, repetition penalty, presence and frequency penalties (`history`), then the mask
//!    that keeps stop tokens back until `min_tokens`, and the mask of the answer's grammar;
//! 3. temperature 0: the likeliest token, the lowest id among equals;
//! 4. else temperature, min-p, top-k, top-p (`truncate`), each over what the one before left, and one
//!    draw (`draw`).
//!
//! The order of 2 and 4 is vLLM's. One thing is stricter: among equal logits at the edge of top-k
//! the lower ids are kept, so that exactly `top_k` remain and `top_k = 1` is greedy.
//!
//! A NaN logit counts as impossible, and logits of positive infinity share all probability. When no
//! token is possible at all, the answer ends if it may: see [`Sampler::sample`].
//!
//! A grammar (`constraint`) goes before all else: what it forbids is never said, whatever bias asks for;
//! where it is complete and nothing can follow, the answer ends, whatever `min_tokens` asks for. The
//! log-probabilities are the model's own all the same. Masks are computed where rows are sampled, on the
//! model's threads side by side; each is a function of the tokens said, so guesses that a grammar forbids
//! are wrong guesses like any other.
//!
//! Every sum runs in a fixed order and `exp` is our own (`numeric`), so that neither the instruction
//! set nor the C library decides a token.

mod chain;
mod draw;
mod history;
mod logprobs;
mod numeric;
mod truncate;

#[cfg(test)]
mod tests;

pub use chain::{Sampled, Sampler};
pub use logprobs::token_logprobs;
pub(crate) use numeric::argmax;
