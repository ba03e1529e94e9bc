//! `lookup`: the passages of a collection that fit a question.
//!
//! ```yaml
//! lookup:
//!   collection: docs        # one of `collections`
//!   mode: hybrid            # by meaning and words; or dense (meaning), or sparse (words)
//!   query: question         # the variable that is searched for
//!   vector: embedding       # a variable with its vector, from `embed`; default: made here
//!   top_k: 5                # passages at most
//!   score_threshold: 0.2    # cosine similarity below which meaning finds nothing
//!   filter: {must: [{key: lang, match: {value: "{{ request.lang }}"}}]}   # Qdrant's form
//!   output: passages        # the variable that is written
//! ```

use super::common::{single, variable};
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::json;
use crate::spec::node::Node;
use crate::spec::read;
use crate::spec::section::Section;
use crate::stage::lookup::{FilterTemplate, LookupBy, LookupNear, LookupOptions, LookupVector};
use crate::vector::MAX_LIMIT;

/// Passages where nobody says how many.
const TOP_K: usize = 5;

/// By what is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Dense,
    Sparse,
    Hybrid,
}

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Option<LookupOptions> {
    let before = faults.list.len();
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let collection = keys.require("collection", "collection: docs", f, read::text);
    let mode = keys.take("mode", f, mode).unwrap_or(Mode::Hybrid);
    let query = keys.take("query", f, variable);
    let vector = keys.take("vector", f, variable);
    let top_k = keys.take("top_k", f, read::integer(1..=MAX_LIMIT));
    let score_threshold = keys.take("score_threshold", f, threshold);
    let filter = keys.node("filter");
    let filter = filter.and_then(|node| self::filter(&keys.path("filter"), node, f));
    let output = keys.take("output", f, variable);
    unused(&mut keys, mode, f);
    keys.finish(f);
    if f.list.len() > before {
        return None;
    }
    let text = query.unwrap_or_else(|| names::QUESTION.to_owned());
    let near = LookupNear {
        vector: match vector {
            Some(vector) => LookupVector::Variable(vector),
            None => LookupVector::Of(text.clone()),
        },
        score_threshold,
    };
    Some(LookupOptions {
        collection: collection?,
        by: match mode {
            Mode::Dense => LookupBy::Dense(near),
            Mode::Sparse => LookupBy::Sparse(text),
            Mode::Hybrid => LookupBy::Hybrid(near, text),
        },
        filter,
        top_k: top_k.unwrap_or(TOP_K),
        output: output.unwrap_or_else(|| names::PASSAGES.to_owned()),
    })
}

/// Keys that would do nothing are faults.
fn unused(keys: &mut Section<'_>, mode: Mode, faults: &mut Faults) {
    let mut unused = |keys: &mut Section<'_>, key: &'static str, why: &str| {
        if let Some(node) = keys.node(key) {
            let path = keys.path(key);
            faults.note(node.at, format!("`{path}` {why}; leave it out"));
        }
    };
    match mode {
        Mode::Sparse => {
            let why = "belongs to a search by meaning, which `mode: sparse` does without";
            unused(keys, "vector", why);
            unused(keys, "score_threshold", why);
        }
        Mode::Dense if keys.node("vector").is_some() => {
            let why = "is not looked at where `mode: dense` has a `vector`";
            unused(keys, "query", why);
        }
        Mode::Dense | Mode::Hybrid => {}
    }
}

fn filter(path: &str, node: &Node, faults: &mut Faults) -> Option<FilterTemplate> {
    let written = json::read(node, faults)?;
    match FilterTemplate::new(&written) {
        Ok(filter) => Some(filter),
        Err(fault) => {
            faults.note(node.at, format!("`{path}` cannot be used: {fault}"));
            None
        }
    }
}

fn mode(node: &Node) -> Result<Mode, read::Expected> {
    let expected = || "dense, sparse or hybrid".to_owned();
    match read::text(node).map_err(|_| expected())?.as_str() {
        "dense" => Ok(Mode::Dense),
        "sparse" => Ok(Mode::Sparse),
        "hybrid" => Ok(Mode::Hybrid),
        _ => Err(expected()),
    }
}

fn threshold(node: &Node) -> Result<f32, read::Expected> {
    let fits = |value: f64| (-1.0..=1.0).contains(&value);
    read::number("a cosine similarity from -1 to 1", fits)(node).map(single)
}
