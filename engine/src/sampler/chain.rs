//! The sampler of one sequence: the steps in their order.

use super::draw;
use super::history::History;
use super::logprobs::{asked_logprobs, token_logprobs};
use super::numeric;
use super::truncate::{self, Candidate};
use crate::constraint::{MaskError, Matcher};
use crate::event::TokenLogprobs;
use crate::request::GenerateRequest;

/// Below this a temperature is 0: the likeliest token is taken (vLLM has the same limit).
const GREEDY_BELOW: f32 = 1e-5;

/// Samples the tokens of one sequence.
///
/// Two samplers that were made from equal requests and have observed the same tokens give the same
/// tokens from then on; there is no other state.
#[derive(Debug, Clone)]
pub struct Sampler {
    request: GenerateRequest,
    history: History,
    /// Where the answer stands in its grammar.
    matcher: Option<Box<Matcher>>,
    scratch: Scratch,
}

/// What was sampled.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// The token.
    pub id: u32,
    /// Its log-probability and the alternatives, when the request asks for them.
    pub logprobs: Option<TokenLogprobs>,
}

/// Buffers that live on from token to token. Their content between calls means nothing.
#[derive(Debug, Clone, Default)]
struct Scratch {
    raw: Vec<f32>,
    ids: Vec<u32>,
    candidates: Vec<Candidate>,
}

impl Sampler {
    /// A sampler at the beginning of the answer, or behind what the request says was
    /// [said](GenerateRequest::said). To go on with an answer, [`observe`](Self::observe) its tokens in
    /// order.
    pub fn new(request: &GenerateRequest) -> Self {
        let mut sampler = Self {
            request: request.clone(),
            history: History::new(request),
            matcher: request.grammar().map(|g| Box::new(g.matcher())),
            scratch: Scratch::default(),
        };
        for &token in request.said() {
            sampler.observe(token);
        }
        sampler
    }

    /// Takes note of one token of the answer. Sampling does not do so by itself: the caller decides
    /// which token counts.
    pub fn observe(&mut self, token: u32) {
        self.history.observe(token, self.request.params());
        if let Some(matcher) = &mut self.matcher {
            matcher.consume(token);
        }
    }

    /// Samples the token number `index` (the number of tokens generated so far) from `logits`, one
    /// for each token id. `eos` are the model's end-of-sequence tokens. The logits are used as
    /// scratch: their content afterwards means nothing.
    ///
    /// When every token is impossible (negative infinity or NaN, from the model or by the masks) the
    /// result is the first end-of-sequence token, if one may come now; else the lowest id that is not
    /// held back; else 0. Where the answer has a grammar, the result is always a token that it allows.
    ///
    /// # Errors
    /// [`MaskError`] when the grammar does not say what may come: this answer cannot go on.
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        index: u32,
        eos: &[u32],
    ) -> Result<Sampled, MaskError> {
        let wanted = self.request.params().logprobs;
        if wanted.is_some() {
            self.scratch.raw.clear();
            self.scratch.raw.extend_from_slice(logits);
        }
        self.edit(logits, index, eos);
        if let Some(matcher) = &mut self.matcher {
            matcher.allow(logits)?;
        }
        let chosen = match self.choose(logits, index) {
            Some(id) => id,
            None => self.fallback(index, eos),
        };
        Ok(Sampled {
            id: chosen,
            logprobs: wanted.map(|top| self.logprobs(chosen, top)),
        })
    }

    /// By the model's own distribution, with so many alternatives, or with those of the request.
    fn logprobs(&self, chosen: u32, top: u32) -> TokenLogprobs {
        let asked = &self.request.params().logprob_token_ids;
        if asked.is_empty() {
            return token_logprobs(&self.scratch.raw, chosen, top);
        }
        asked_logprobs(&self.scratch.raw, chosen, asked)
    }

    /// Bias, penalties and the mask of tokens held back, over the touched tokens only.
    fn edit(&self, logits: &mut [f32], index: u32, eos: &[u32]) {
        let params = self.request.params();
        for &(id, bias) in &params.logit_bias {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit += bias;
            }
        }
        self.history.penalize(logits, params);
        for id in self.held_back(index, eos) {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    /// Tokens that may not come now, because they would end the answer before `min_tokens`.
    fn held_back<'a>(&'a self, index: u32, eos: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
        let params = self.request.params();
        let early = index < params.min_tokens;
        let eos = if early && self.request.heeds_eos() {
            eos
        } else {
            &[]
        };
        let stop = if early {
            params.stop_token_ids.as_slice()
        } else {
            &[]
        };
        eos.iter().chain(stop).copied()
    }

    /// The token, from the edited logits; `None` when none is possible.
    fn choose(&mut self, logits: &mut [f32], index: u32) -> Option<u32> {
        let params = self.request.params();
        if params.temperature < GREEDY_BELOW {
            return numeric::argmax(logits).and_then(|id| u32::try_from(id).ok());
        }
        let Scratch {
            ids, candidates, ..
        } = &mut self.scratch;
        // Top-k and min-p both keep a head of the same order, so either may go first. Top-k does: it
        // needs no exponentials.
        let top_k = params.top_k as usize;
        let few = top_k > 0 && top_k < logits.len();
        let weights = if few {
            let kept = truncate::keep_top_k(logits, top_k, ids, candidates);
            &mut logits[..kept]
        } else {
            logits
        };
        let max = numeric::max(weights);
        if max == f32::NEG_INFINITY {
            return None;
        }
        numeric::weights(weights, max, params.temperature);
        if params.min_p > 0.0 {
            truncate::min_p(weights, params.min_p);
        }
        if params.top_p < 1.0 {
            truncate::top_p(weights, params.top_p, candidates);
        }
        let u = draw::uniform(params.seed, self.request.choice(), index);
        let place = draw::pick(weights, u)?;
        if few {
            ids.get(place).copied()
        } else {
            u32::try_from(place).ok()
        }
    }

    /// What is said when nothing can be said.
    fn fallback(&self, index: u32, eos: &[u32]) -> u32 {
        if let Some(matcher) = &self.matcher {
            let end = eos.iter().copied().find(|&id| matcher.allows(id));
            return end.or_else(|| matcher.first_allowed()).unwrap_or(0);
        }
        let free = |id: &u32| self.held_back(index, eos).all(|held| held != *id);
        let held = self.held_back(index, eos).count();
        let lowest = || (0_u32..).take(held + 1).find(free);
        eos.iter().copied().find(free).or_else(lowest).unwrap_or(0)
    }
}
