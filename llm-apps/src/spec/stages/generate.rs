//! `generate`: a model's answer.
//!
//! ```yaml
//! generate:
//!   model: smollm2-135m-instruct   # a name or alias of `models`
//!   messages: messages             # the variable that it answers; or `prompt: prompt`, a text to go on with
//!   output: answer                 # the variable that is written; only `answer` is streamed
//!   max_tokens: 200                # default: the model's sampling_defaults, or what fits its context
//!   stop: ["\n\n"]                 # up to 4 texts that end the answer
//!   seed: 7                        # default: another for each request
//!   temperature: 0.2               # this and the rest: default from the model's sampling_defaults
//!   top_p: 0.9
//!   top_k: 40
//!   min_p: 0.05
//!   repetition_penalty: 1.1
//!   presence_penalty: 0.0
//!   frequency_penalty: 0.0
//! ```

use engine::tokenizer::StopMatcher;

use super::common::{single, texts, variable};
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::node::Node;
use crate::spec::read::{self, integer, number};
use crate::spec::section::Section;
use crate::stage::generate::{GenerateInput, GenerateOptions};

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Option<GenerateOptions> {
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let penalty = || number("a number from -2 to 2", |v| (-2.0..=2.0).contains(&v));
    let share = number("a number from 0 to 1", |v| (0.0..=1.0).contains(&v));
    let temperature = number("a number from 0 to 2", |v| (0.0..=2.0).contains(&v));
    let top_p = number("a number above 0 and at most 1", |v| v > 0.0 && v <= 1.0);
    let repetition = number("a number above 0 and at most 10", |v| v > 0.0 && v <= 10.0);
    let model = keys.require("model", "model: smollm2-135m-instruct", f, read::text);
    let input = input(&mut keys, f);
    let options = GenerateOptions {
        model: String::new(),
        input,
        output: keys
            .take("output", f, variable)
            .unwrap_or_else(|| names::ANSWER.to_owned()),
        max_tokens: keys.take("max_tokens", f, integer(1..=u32::MAX)),
        stop: keys.take("stop", f, stop).unwrap_or_default(),
        seed: keys.take("seed", f, integer(0..=u32::MAX)).map(u64::from),
        temperature: keys.take("temperature", f, temperature).map(single),
        top_p: keys.take("top_p", f, top_p).map(single),
        top_k: keys.take("top_k", f, integer(0..=u32::MAX)),
        min_p: keys.take("min_p", f, share).map(single),
        repetition_penalty: keys.take("repetition_penalty", f, repetition).map(single),
        presence_penalty: keys.take("presence_penalty", f, penalty()).map(single),
        frequency_penalty: keys.take("frequency_penalty", f, penalty()).map(single),
    };
    keys.finish(f);
    Some(GenerateOptions {
        model: model?,
        ..options
    })
}

/// `messages` or `prompt`. Faults do not keep the rest from being read.
fn input(keys: &mut Section<'_>, f: &mut Faults) -> GenerateInput {
    let messages = keys.take("messages", f, variable);
    let prompt = keys.take("prompt", f, variable);
    if let (Some(_), Some(_), Some(node)) = (&messages, &prompt, keys.node("prompt")) {
        let path = keys.path("prompt");
        f.note(
            node.at,
            format!("`{path}` and `messages` exclude each other; leave one out"),
        );
    }
    match (messages, prompt) {
        (None, Some(prompt)) => GenerateInput::Prompt(prompt),
        (Some(messages), _) => GenerateInput::Messages(messages),
        (None, None) => GenerateInput::default(),
    }
}

fn stop(node: &Node) -> Result<Vec<String>, read::Expected> {
    let stops = texts(node)?;
    match StopMatcher::new(&stops) {
        Ok(_) => Ok(stops),
        Err(error) => Err(format!("stop strings that can be used ({error})")),
    }
}
