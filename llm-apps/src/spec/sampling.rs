//! `sampling_defaults`: what a request gets that does not say.

use engine::SamplingParams;

use super::fault::Faults;
use super::node::Node;
use super::read::{integer, number};
use super::section::Section;

/// Parameters for requests that are silent about them. `None` leaves the API's own default. Ranges
/// and meanings are those of [`SamplingParams`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SamplingDefaults {
    /// From 0 to 2.
    pub temperature: Option<f32>,
    /// 0 keeps all tokens.
    pub top_k: Option<u32>,
    /// Above 0, at most 1.
    pub top_p: Option<f32>,
    /// From 0 to 1.
    pub min_p: Option<f32>,
    /// Above 0, at most 10.
    pub repetition_penalty: Option<f32>,
    /// From -2 to 2.
    pub presence_penalty: Option<f32>,
    /// From -2 to 2.
    pub frequency_penalty: Option<f32>,
    /// Tokens of an answer at most, 1 or more.
    pub max_tokens: Option<u32>,
}

impl SamplingDefaults {
    pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Self {
        let mut keys = Section::open(path, node, faults);
        let f = faults;
        let penalty = || number("a number from -2 to 2", |v| (-2.0..=2.0).contains(&v));
        let share = || number("a number from 0 to 1", |v| (0.0..=1.0).contains(&v));
        let temperature = number("a number from 0 to 2", |v| (0.0..=2.0).contains(&v));
        let top_p = number("a number above 0 and at most 1", |v| v > 0.0 && v <= 1.0);
        let repetition = number("a number above 0 and at most 10", |v| v > 0.0 && v <= 10.0);
        let defaults = Self {
            temperature: keys.take("temperature", f, temperature).map(single),
            top_k: keys.take("top_k", f, integer(0..=u32::MAX)),
            top_p: keys.take("top_p", f, top_p).map(single),
            min_p: keys.take("min_p", f, share()).map(single),
            repetition_penalty: keys.take("repetition_penalty", f, repetition).map(single),
            presence_penalty: keys.take("presence_penalty", f, penalty()).map(single),
            frequency_penalty: keys.take("frequency_penalty", f, penalty()).map(single),
            max_tokens: keys.take("max_tokens", f, integer(1..=u32::MAX)),
        };
        keys.finish(f);
        defaults
    }

    /// Puts what is said here into `params`.
    pub fn apply(&self, params: &mut SamplingParams) {
        let set = |to: &mut f32, from: Option<f32>| *to = from.unwrap_or(*to);
        set(&mut params.temperature, self.temperature);
        set(&mut params.top_p, self.top_p);
        set(&mut params.min_p, self.min_p);
        set(&mut params.repetition_penalty, self.repetition_penalty);
        set(&mut params.presence_penalty, self.presence_penalty);
        set(&mut params.frequency_penalty, self.frequency_penalty);
        params.top_k = self.top_k.unwrap_or(params.top_k);
        params.max_tokens = self.max_tokens.unwrap_or(params.max_tokens);
    }
}

/// A positive number stays positive, so that a range that excludes 0 still holds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "small ranges; rounding is meant"
)]
fn single(value: f64) -> f32 {
    let rounded = value as f32;
    if value > 0.0 {
        rounded.max(f32::MIN_POSITIVE)
    } else {
        rounded
    }
}
