//! Guessing tokens ahead, so that one step of the model may say several.
//!
//! A step reads all weights to compute one row for a sequence; a few rows more cost little. So tokens
//! that may come next are computed together with the last known one, and sampling finds out which of
//! them were right (Leviathan et al., 2023; Chen et al., 2023):
//!
//! ```text
//!   known tokens            guessed
//!   ... the  cat  sat  │  on   the  sofa        computed in one step
//!                  │      │    │     └ not looked at
//!   sampled:       on    the  mat                three tokens said
//!                  ok    ok   wrong guess, right token
//! ```
//!
//! Here no distribution has to be mended afterwards. The draw for a position is a function of seed
//! and position (DESIGN idea 1), and a row of logits does not depend on what else is computed (E9); so
//! the token sampled behind right guesses *is* the token that would have come without them, bit for
//! bit, greedy or not, with whatever parameters. A wrong guess costs time and nothing else.
//!
//! Guesses come from the sequence's own past (`ngram`) or from a smaller model (`draft_model`). How many
//! are made is decided for each sequence in each step (`depth`), from how often they were right lately
//! (`acceptance`) and from what a row costs on this machine (`costs`): none where it does not pay, but
//! for a probe now and then.
//!
//! This room reads no clock: seconds are passed in. Which guesses fit the
//! budget and the cache is the scheduler's business, and which were right the sampler's.

mod acceptance;
mod costs;
mod depth;
mod draft_model;
mod ngram;
mod speculator;
#[cfg(test)]
mod tests;

pub(crate) use draft_model::DraftModel;
pub(crate) use speculator::Speculator;
