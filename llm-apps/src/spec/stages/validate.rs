//! `validate`: what an answer must be like.
//!
//! ```yaml
//! validate:
//!   max_chars: 2000                                      # characters at most
//!   forbidden: [as an AI, {regex: '\d{16}'}]             # texts in any case; patterns as written
//!   regex: '^(yes|no)'                                   # a pattern that must be found
//!   json_schema: schemas/invoice.json                    # a file beside this one, or the schema itself
//!   language: [en, de]                                   # ISO 639 codes; what cannot be told passes
//!   grounding: {threshold: 0.6, ngram: 1, passages: passages}   # share of words that stand in the passages
//!   judge: {steps: [ask, judge], pass: "answer is startingwith 'yes'"}   # deployments, and what must hold
//!   on_failure: [repair, {retry: 3}, {fallback: "Sorry."}]      # in this order; refuse is the default
//!   refusal: {code: off_limits, message: "I do not talk about that."}
//!   stream: auto                                         # true passes on all the same, false never
//! ```
//!
//! `retry` leaves it to a `loop` around the stage, whose templates find the reason in `verdict.reason`;
//! `{retry: 3}` goes on to the next remedy in the loop's third attempt.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::path::Path;

use super::common::{file, texts, variable};
use super::remedies;
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::json;
use crate::spec::node::{Node, Value};
use crate::spec::read::{self, integer, number};
use crate::spec::section::Section;
use crate::stage::validate::{
    AnswerSchema, Forbidden, Grounding, JudgeOptions, Languages, Pattern, Refusal, StreamMode,
    ValidateOptions,
};
use crate::template::Condition;

/// Characters that a limit may allow at most.
const MAX_CHARS: usize = 1 << 24;
/// Words in a row that grounding may look for at most.
const MAX_NGRAM: usize = 8;
/// The keys that are rules.
const RULES: [&str; 7] = [
    "max_chars",
    "forbidden",
    "regex",
    "json_schema",
    "language",
    "grounding",
    "judge",
];

/// Reads the section `path`; `folder` is the configuration's.
pub(super) fn read(
    path: &str,
    node: &Node,
    folder: &Path,
    faults: &mut Faults,
) -> Option<ValidateOptions> {
    let before = faults.list.len();
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    if !RULES.iter().any(|&rule| keys.node(rule).is_some()) {
        let remedy = format!("write at least one rule: {}", RULES.join(", "));
        keys.miss("forbidden", &remedy);
    }
    let mut on_failure = keys
        .take("on_failure", f, remedies::read)
        .unwrap_or_default();
    let inner = |keys: &Section<'_>, key| keys.path(key);
    if let Some(node) = keys.node("refusal") {
        on_failure.refusal = refusal(&inner(&keys, "refusal"), node, f);
    }
    let grounding = keys.node("grounding");
    let grounding = grounding.map(|node| self::grounding(&inner(&keys, "grounding"), node, f));
    let judge = keys.node("judge");
    let judge = judge.and_then(|node| self::judge(&inner(&keys, "judge"), node, f));
    let options = ValidateOptions {
        max_chars: keys.take("max_chars", f, integer(1..=MAX_CHARS)),
        forbidden: keys.take("forbidden", f, forbidden),
        regex: keys.take("regex", f, |node| {
            let written = read::text(node).map_err(|_| "a regular expression".to_owned())?;
            Pattern::new(&written).map_err(|error| format!("a regular expression ({error})"))
        }),
        json_schema: json_schema(&mut keys, folder, f),
        language: keys.take("language", f, |node| {
            let codes = texts(node)?;
            let languages = Languages::new(codes.iter().map(String::as_str));
            languages.map_err(|error| format!("languages by their codes ({error})"))
        }),
        grounding,
        judge,
        on_failure,
        stream: keys.take("stream", f, stream).unwrap_or_default(),
    };
    let taken_back = options.on_failure.retry.is_some() || options.on_failure.fallback.is_some();
    if let (StreamMode::Always, true, Some(node)) =
        (options.stream, taken_back, keys.node("stream"))
    {
        let path = keys.path("stream");
        let message = format!(
            "`{path}`: what was passed on cannot be taken back; leave out `retry` and `fallback`"
        );
        f.note(node.at, message);
    }
    keys.finish(f);
    (f.list.len() == before).then_some(options)
}

fn forbidden(node: &Node) -> Result<Forbidden, read::Expected> {
    let expected = || "a list of texts and of `{regex: PATTERN}`".to_owned();
    let (mut texts, mut patterns) = (Vec::new(), Vec::new());
    let items = match &node.value {
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for item in items {
        match &item.value {
            Value::Map(map) => match map.as_slice() {
                [(key, pattern)] if key.value == Value::Text("regex".to_owned()) => {
                    patterns.push(read::text(pattern).map_err(|_| expected())?);
                }
                _ => return Err(expected()),
            },
            _ => texts.push(read::text(item).map_err(|_| expected())?),
        }
    }
    if items.is_empty() {
        return Err(expected());
    }
    Forbidden::new(&texts, &patterns).map_err(|error| format!("{} ({error})", expected()))
}

/// The schema itself, or the path of a file that holds it.
fn json_schema(keys: &mut Section<'_>, folder: &Path, f: &mut Faults) -> Option<AnswerSchema> {
    let node = keys.node("json_schema")?;
    let schema = match &node.value {
        Value::Map(_) => json::read(node, f)?,
        _ => keys.take("json_schema", f, |node| {
            let expected = |reason: &str| {
                format!("a JSON Schema, or the path of a file that holds one{reason}")
            };
            let path = folder.join(read::text(node).map_err(|_| expected(""))?);
            let text = file(&[&path]).map_err(|reason| expected(&format!(" ({reason})")))?;
            serde_json::from_str(&text)
                .map_err(|error| expected(&format!(" (it is no JSON: {error})")))
        })?,
    };
    match AnswerSchema::new(schema) {
        Ok(schema) => Some(schema),
        Err(error) => {
            f.note(node.at, format!("`{}`: {error}", keys.path("json_schema")));
            None
        }
    }
}

fn grounding(path: &str, node: &Node, f: &mut Faults) -> Grounding {
    let default = Grounding::default();
    let mut keys = Section::open(path, node, f);
    let share = number("a number above 0 and at most 1", |v| v > 0.0 && v <= 1.0);
    let grounding = Grounding {
        threshold: keys
            .take("threshold", f, share)
            .unwrap_or(default.threshold),
        ngram: keys
            .take("ngram", f, integer(1..=MAX_NGRAM))
            .unwrap_or(default.ngram),
        passages: keys
            .take("passages", f, variable)
            .unwrap_or_else(|| names::PASSAGES.to_owned()),
    };
    keys.finish(f);
    grounding
}

fn judge(path: &str, node: &Node, f: &mut Faults) -> Option<JudgeOptions> {
    let mut keys = Section::open(path, node, f);
    let steps = keys.require("steps", "steps: [ask, judge]", f, texts);
    let example = "pass: \"answer is startingwith 'yes'\"";
    let pass = keys.require("pass", example, f, |node| {
        let text = read::text(node).map_err(|_| "a Jinja expression in quotes".to_owned())?;
        Condition::new(&text).map_err(|error| format!("a Jinja expression (it {})", error.reason))
    });
    keys.finish(f);
    Some(JudgeOptions {
        steps: steps?,
        pass: pass?,
    })
}

fn refusal(path: &str, node: &Node, f: &mut Faults) -> Refusal {
    let mut keys = Section::open(path, node, f);
    let refusal = Refusal {
        code: keys.take("code", f, variable),
        message: keys.take("message", f, read::text),
    };
    keys.finish(f);
    refusal
}

fn stream(node: &Node) -> Result<StreamMode, read::Expected> {
    if read::text(node).is_ok_and(|text| text == "auto") {
        return Ok(StreamMode::Auto);
    }
    match read::boolean(node) {
        Ok(true) => Ok(StreamMode::Always),
        Ok(false) => Ok(StreamMode::Never),
        Err(_) => Err("auto, true or false".to_owned()),
    }
}
