//! `embed`: texts to vectors.
//!
//! ```yaml
//! embed:
//!   encoder: minilm     # one of `encoders`
//!   input: question     # a variable: a text, or a list of texts
//!   output: embedding   # the vector of the text, or a list of the vectors of all
//! ```

use super::common::variable;
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::node::Node;
use crate::spec::read;
use crate::spec::section::Section;
use crate::stage::embed::EmbedOptions;

/// The variable that is written.
const EMBEDDING: &str = "embedding";

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Option<EmbedOptions> {
    let mut keys = Section::open(path, node, faults);
    let encoder = keys.require("encoder", "encoder: minilm", faults, read::text);
    let input = keys.take("input", faults, variable);
    let output = keys.take("output", faults, variable);
    keys.finish(faults);
    Some(EmbedOptions {
        encoder: encoder?,
        input: input.unwrap_or_else(|| names::QUESTION.to_owned()),
        output: output.unwrap_or_else(|| EMBEDDING.to_owned()),
    })
}
