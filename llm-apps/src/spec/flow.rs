//! Whether the stages of a pipeline fit together: what each needs is there when its turn comes (P4).

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Faults;
use super::node::Position;
use super::steps::{StepKind, StepSpec};
use crate::payload::{Kind, Signature};
use crate::template::Condition;

/// What is there at one point of a pipeline.
pub(super) type Scope = BTreeMap<String, Kind>;

/// The deployments of an application, in their order.
pub(super) struct Members<'a> {
    pub(super) names: &'a [String],
    pub(super) signatures: &'a [Signature],
}

impl Members<'_> {
    /// Follows the steps from `scope` on, and leaves there what is there behind them, whichever way was
    /// gone. What does not fit is a fault at its step.
    pub(super) fn follow(&self, steps: &[StepSpec], scope: &mut Scope, faults: &mut Faults) {
        for step in steps {
            match &step.kind {
                StepKind::Call(index) => self.call(*index, step.at, scope, faults),
                StepKind::Branch {
                    when,
                    then,
                    otherwise,
                } => {
                    decide(when, step.at, scope, faults);
                    let mut other = scope.clone();
                    self.follow(then, scope, faults);
                    self.follow(otherwise, &mut other, faults);
                    scope.retain(|name, kind| {
                        let both = other.get(name);
                        if both.is_some_and(|other| other != kind) {
                            *kind = Kind::Any;
                        }
                        both.is_some()
                    });
                }
                StepKind::Parallel(ways) => self.beside(ways, step.at, scope, faults),
                StepKind::Loop { steps, until, .. } => {
                    scope.insert("attempt".to_owned(), Kind::Number);
                    for name in self.writes(steps) {
                        scope.entry(name).or_insert(Kind::Nothing);
                    }
                    self.follow(steps, scope, faults);
                    decide(until, step.at, scope, faults);
                }
            }
        }
    }

    /// The variables that steps may write.
    pub(super) fn writes(&self, steps: &[StepSpec]) -> BTreeSet<String> {
        let of_step = |step: &StepSpec| -> BTreeSet<String> {
            match &step.kind {
                StepKind::Call(index) => {
                    let signature = self.signatures.get(*index);
                    signature
                        .into_iter()
                        .flat_map(|s| s.writes.keys().cloned())
                        .collect()
                }
                StepKind::Branch {
                    then, otherwise, ..
                } => &self.writes(then) | &self.writes(otherwise),
                StepKind::Parallel(ways) => ways.iter().flat_map(|way| self.writes(way)).collect(),
                StepKind::Loop { steps, .. } => self.writes(steps),
            }
        };
        steps.iter().flat_map(of_step).collect()
    }

    fn call(&self, index: usize, at: Position, scope: &mut Scope, faults: &mut Faults) {
        let (Some(name), Some(signature)) = (self.names.get(index), self.signatures.get(index))
        else {
            return;
        };
        for fault in signature.faults(scope) {
            faults.note(at, format!("`{name}` {fault}"));
        }
        let writes = signature.writes.iter();
        scope.extend(writes.map(|(name, kind)| (name.clone(), *kind)));
    }

    fn beside(&self, ways: &[Vec<StepSpec>], at: Position, scope: &mut Scope, faults: &mut Faults) {
        let before = scope.clone();
        let mut written = BTreeSet::new();
        for way in ways {
            let mut after = before.clone();
            self.follow(way, &mut after, faults);
            for name in self.writes(way) {
                if written.contains(&name) {
                    let message = format!(
                        "two ways of `parallel` write `{name}`; give one of them another name, or have \
                         them one after the other"
                    );
                    faults.note(at, message);
                }
                if let Some(kind) = after.get(&name) {
                    scope.insert(name.clone(), *kind);
                }
                written.insert(name);
            }
        }
    }
}

fn decide(condition: &Condition, at: Position, scope: &Scope, faults: &mut Faults) {
    for name in condition.names() {
        if !scope.contains_key(name) {
            let known: Vec<_> = scope.keys().map(String::as_str).collect();
            let message = format!(
                "the condition `{}` looks at `{name}`, which no stage before it makes; there are {}",
                condition.text(),
                known.join(", ")
            );
            faults.note(at, message);
        }
    }
}
