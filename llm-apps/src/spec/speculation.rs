//! `engine.speculation`: how tokens are guessed ahead.

use std::path::{Path, PathBuf};

use engine::hub::ModelReference;
use engine::{Speculation, SpeculationMethod};

use super::fault::Faults;
use super::node::Node;
use super::read;
use super::section::Section;
use super::source;

/// A smaller model that guesses for the served one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftModelSpec {
    /// Where its files come from. A relative path was resolved against the configuration's folder.
    pub source: ModelReference,
    /// Tokens guessed for a sequence in one step at most.
    pub num_speculative_tokens: usize,
}

/// What the section says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SpeculationSection {
    /// All that the engine must know.
    Known(Speculation),
    /// A model must be fetched first.
    Draft(DraftModelSpec),
}

/// What may be guessed in a step at most, and compared at most.
const MOST: usize = 64;
/// Defaults of the keys.
const TOKENS: usize = 4;
const LOOKUP: (usize, usize) = (2, 4);

impl DraftModelSpec {
    /// What the engine must know, once the model is at `path`.
    pub fn at(&self, path: PathBuf) -> Speculation {
        Speculation {
            num_speculative_tokens: self.num_speculative_tokens,
            method: SpeculationMethod::Draft { model: path },
        }
    }
}

/// The ways to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Ngram,
    Draft,
}

/// Reads the section `path`; `folder` is the configuration's. Keys of the other method are faults.
pub(super) fn read(
    path: &str,
    node: &Node,
    folder: &Path,
    faults: &mut Faults,
) -> Option<SpeculationSection> {
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let method = keys.require("method", "method: ngram", f, method);
    let num_speculative_tokens = keys
        .take("num_speculative_tokens", f, read::integer(1..=MOST))
        .unwrap_or(TOKENS);
    let Some(method) = method else {
        // Which of these belong there, the method would say.
        for key in ["prompt_lookup_min", "prompt_lookup_max", "draft_model"] {
            keys.node(key);
        }
        keys.finish(f);
        return None;
    };
    let section = match method {
        Method::Ngram => {
            let min = keys.take("prompt_lookup_min", f, read::integer(1..=MOST));
            let max = keys.take("prompt_lookup_max", f, read::integer(1..=MOST));
            // Where one is given, the other is not above or below it.
            let prompt_lookup_min = min.unwrap_or_else(|| LOOKUP.0.min(max.unwrap_or(MOST)));
            let prompt_lookup_max = max.unwrap_or_else(|| LOOKUP.1.max(prompt_lookup_min));
            if prompt_lookup_max < prompt_lookup_min {
                let message = format!(
                    "`{}` must not be below `prompt_lookup_min`, {prompt_lookup_min}, but is \
                     {prompt_lookup_max}",
                    keys.path("prompt_lookup_max"),
                );
                let at = keys
                    .node("prompt_lookup_max")
                    .map_or_else(|| keys.at(), |node| node.at);
                f.note(at, message);
            }
            Some(SpeculationSection::Known(Speculation {
                num_speculative_tokens,
                method: SpeculationMethod::Ngram {
                    prompt_lookup_min,
                    prompt_lookup_max,
                },
            }))
        }
        Method::Draft => {
            let example = "draft_model: hf://owner/name";
            let source = keys.require("draft_model", example, f, |node| source::read(node, folder));
            source.map(|source| {
                SpeculationSection::Draft(DraftModelSpec {
                    source,
                    num_speculative_tokens,
                })
            })
        }
    };
    keys.finish(f);
    section
}

fn method(node: &Node) -> Result<Method, read::Expected> {
    let expected = || "ngram or draft".to_owned();
    match read::text(node).map_err(|_| expected())?.as_str() {
        "ngram" => Ok(Method::Ngram),
        "draft" => Ok(Method::Draft),
        _ => Err(expected()),
    }
}
