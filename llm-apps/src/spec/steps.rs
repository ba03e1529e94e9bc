//! `pipeline`: the steps of an application.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::collections::BTreeSet;

use super::fault::Faults;
use super::node::{Node, Position, Value};
use super::read;
use super::section::Section;
use crate::template::Condition;

/// One step, with its place, which is no part of what it is: steps that do the same are equal.
#[derive(Debug, Clone)]
pub struct StepSpec {
    /// Where it stands.
    pub at: Position,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    /// Calls a deployment of the application, by its index.
    Call(usize),
    /// One of two ways: `branch: {when: CONDITION, then: [...], else: [...]}`; `else` may be left out.
    Branch {
        /// Which.
        when: Condition,
        /// If it holds.
        then: Vec<StepSpec>,
        /// If not.
        otherwise: Vec<StepSpec>,
    },
    /// Ways at the same time: `parallel: [[...], [...]]`.
    Parallel(Vec<Vec<StepSpec>>),
    /// `loop: {steps: [...], until: CONDITION, max_attempts: 3}`.
    Loop {
        /// What is repeated.
        steps: Vec<StepSpec>,
        /// When it is enough.
        until: Condition,
        /// Times at most.
        max_attempts: u32,
    },
}

impl PartialEq for StepSpec {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// Most times that a loop may run.
const MAX_ATTEMPTS: u32 = 100;

/// Reads a list of steps that call the deployments of these names.
pub(super) fn read(
    path: &str,
    list: &[Node],
    names: &[String],
    faults: &mut Faults,
) -> Vec<StepSpec> {
    let steps = list.iter().enumerate();
    let read = |(index, node)| step(&format!("{path}[{index}]"), node, names, faults);
    steps.filter_map(read).collect()
}

fn step(path: &str, node: &Node, names: &[String], faults: &mut Faults) -> Option<StepSpec> {
    let kind = match &node.value {
        Value::Faulty => return None,
        Value::Text(name) | Value::Expanded { text: name, .. } => {
            StepKind::Call(deployment(path, name, node, names, faults)?)
        }
        Value::Map(_) => {
            let mut keys = Section::open(path, node, faults);
            let forms = [
                keys.node("branch").map(|node| ("branch", node)),
                keys.node("parallel").map(|node| ("parallel", node)),
                keys.node("loop").map(|node| ("loop", node)),
            ];
            let mut forms = forms.into_iter().flatten();
            let (first, second) = (forms.next(), forms.next());
            keys.finish(faults);
            if let (Some((one, _)), Some((other, node))) = (first, second) {
                let message =
                    format!("`{path}` is a `{one}` already; write `{other}` as a step of its own");
                faults.note(node.at, message);
                return None;
            }
            let (form, inner) = first?;
            let path = format!("{path}.{form}");
            match form {
                "branch" => branch(&path, inner, names, faults)?,
                "parallel" => parallel(&path, inner, names, faults)?,
                _ => repeat(&path, inner, names, faults)?,
            }
        }
        _ => {
            let message = format!(
                "`{path}` must be the name of a deployment, or `branch:`, `parallel:` or `loop:`, but is {}",
                node.shown()
            );
            faults.note(node.at, message);
            return None;
        }
    };
    Some(StepSpec { at: node.at, kind })
}

fn deployment(
    path: &str,
    name: &str,
    node: &Node,
    names: &[String],
    faults: &mut Faults,
) -> Option<usize> {
    let found = names.iter().position(|known| known == name);
    if found.is_none() {
        let near = names
            .iter()
            .map(|known| (strsim::damerau_levenshtein(name, known), known))
            .min()
            .filter(|(distance, known)| *distance <= 1 + known.len() / 4);
        let remedy = match near {
            Some((_, known)) => format!("did you mean `{known}`?"),
            None if names.is_empty() => "`deployments` has none".to_owned(),
            None => format!("there are {}", names.join(", ")),
        };
        let name = name.escape_debug();
        faults.note(
            node.at,
            format!("`{path}`: no deployment is called `{name}`; {remedy}"),
        );
    }
    found
}

fn branch(path: &str, node: &Node, names: &[String], f: &mut Faults) -> Option<StepKind> {
    let mut keys = Section::open(path, node, f);
    let when = keys.require("when", "when: \"passages | length == 0\"", f, condition);
    let then = keys
        .list("then", f)
        .map(|list| read(&keys.path("then"), list, names, f));
    let otherwise = keys
        .list("else", f)
        .map(|list| read(&keys.path("else"), list, names, f));
    if then.is_none() && otherwise.is_none() {
        keys.miss("then", "write for example `then: [refuse]`");
    }
    keys.finish(f);
    Some(StepKind::Branch {
        when: when?,
        then: then.unwrap_or_default(),
        otherwise: otherwise.unwrap_or_default(),
    })
}

fn parallel(path: &str, node: &Node, names: &[String], f: &mut Faults) -> Option<StepKind> {
    let Value::List(list) = &node.value else {
        let message = format!(
            "`{path}` must be a list of lists of steps, but is {}",
            node.shown()
        );
        f.note(node.at, message);
        return None;
    };
    if list.is_empty() {
        let message =
            format!("`{path}` has no way; write for example `[[summarise], [translate]]`");
        f.note(node.at, message);
    }
    let ways = list.iter().enumerate().map(|(index, way)| {
        let path = format!("{path}[{index}]");
        match &way.value {
            Value::List(steps) => read(&path, steps, names, f),
            // A way of one step.
            _ => step(&path, way, names, f).into_iter().collect(),
        }
    });
    Some(StepKind::Parallel(ways.collect()))
}

fn repeat(path: &str, node: &Node, names: &[String], f: &mut Faults) -> Option<StepKind> {
    let mut keys = Section::open(path, node, f);
    let steps = keys
        .list("steps", f)
        .map(|list| read(&keys.path("steps"), list, names, f));
    if steps.as_ref().is_none_or(Vec::is_empty) {
        keys.miss("steps", "write for example `steps: [answer, check]`");
    }
    let until = keys.require("until", "until: verdict.valid", f, condition);
    let max_attempts = keys
        .take("max_attempts", f, read::integer(1..=MAX_ATTEMPTS))
        .unwrap_or(3);
    keys.finish(f);
    Some(StepKind::Loop {
        steps: steps?,
        until: until?,
        max_attempts,
    })
}

fn condition(node: &Node) -> Result<Condition, read::Expected> {
    let text = match &node.value {
        Value::Bool(value) => value.to_string(),
        _ => read::text(node).map_err(|_| "a Jinja expression in quotes".to_owned())?,
    };
    Condition::new(&text).map_err(|error| format!("a Jinja expression (it {})", error.reason))
}

/// The deployments that steps call, by their indexes.
pub(super) fn called(steps: &[StepSpec]) -> BTreeSet<usize> {
    let of_step = |step: &StepSpec| match &step.kind {
        StepKind::Call(index) => BTreeSet::from([*index]),
        StepKind::Branch {
            then, otherwise, ..
        } => &called(then) | &called(otherwise),
        StepKind::Parallel(ways) => ways.iter().flat_map(|way| called(way)).collect(),
        StepKind::Loop { steps, .. } => called(steps),
    };
    steps.iter().flat_map(of_step).collect()
}
