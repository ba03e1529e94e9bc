//! What a client asked of an application's answer by itself.

use engine::SamplingParams;
use serde::Deserialize;

use super::options::GenerateOptions;
use super::request::TextRequest;
use crate::payload::{Payload, names};
use crate::stage::StageError;

/// The fields of OpenAI's API that a stage heeds whose output is the answer. They go before its options;
/// `max_tokens` and `stop` only make an answer shorter.
#[derive(Debug, Default, Deserialize)]
pub(in crate::stage) struct Wishes {
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<u32>,
    min_p: Option<f32>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    repetition_penalty: Option<f32>,
    max_tokens: Option<u32>,
    seed: Option<u64>,
    #[serde(default)]
    stop: Vec<String>,
}

impl Wishes {
    /// Reads the variable `request`; a payload without one asks for nothing.
    ///
    /// # Errors
    /// [`StageError::Invalid`] when a field holds something else.
    pub(in crate::stage) fn of(payload: &Payload) -> Result<Self, StageError> {
        match payload.get(names::REQUEST) {
            Some(_) => Ok(payload.read(names::REQUEST)?),
            None => Ok(Self::default()),
        }
    }

    /// `options`, and what is wished before them; what neither says stays unsaid.
    pub(in crate::stage) fn over(self, options: &GenerateOptions) -> GenerateOptions {
        let mut stop = options.stop.clone();
        stop.extend(self.stop);
        GenerateOptions {
            model: options.model.clone(),
            input: options.input.clone(),
            output: options.output.clone(),
            max_tokens: shorter(options.max_tokens, self.max_tokens),
            stop,
            seed: self.seed.or(options.seed),
            temperature: self.temperature.or(options.temperature),
            top_p: self.top_p.or(options.top_p),
            top_k: self.top_k.or(options.top_k),
            min_p: self.min_p.or(options.min_p),
            repetition_penalty: self.repetition_penalty.or(options.repetition_penalty),
            presence_penalty: self.presence_penalty.or(options.presence_penalty),
            frequency_penalty: self.frequency_penalty.or(options.frequency_penalty),
        }
    }

    pub(super) fn apply(self, request: &mut TextRequest) {
        let params: &mut SamplingParams = &mut request.params;
        let set = |to: &mut f32, wish: Option<f32>| *to = wish.unwrap_or(*to);
        set(&mut params.temperature, self.temperature);
        set(&mut params.top_p, self.top_p);
        set(&mut params.min_p, self.min_p);
        set(&mut params.presence_penalty, self.presence_penalty);
        set(&mut params.frequency_penalty, self.frequency_penalty);
        set(&mut params.repetition_penalty, self.repetition_penalty);
        params.top_k = self.top_k.unwrap_or(params.top_k);
        params.seed = self.seed.unwrap_or(params.seed);
        request.max_tokens = shorter(request.max_tokens, self.max_tokens);
        request.stop.extend(self.stop);
    }
}

fn shorter(most: Option<u32>, wish: Option<u32>) -> Option<u32> {
    match (most, wish) {
        (Some(most), Some(wish)) => Some(most.min(wish)),
        (most, wish) => most.or(wish),
    }
}
