//! The keys of one mapping, taken one by one; what nobody takes is unknown.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use super::fault::Faults;
use super::node::{Node, Position, Value};
use super::read::Expected;

/// A mapping that is being read.
pub(super) struct Section<'n> {
    path: String,
    at: Position,
    entries: Vec<(&'n str, Position, &'n Node)>,
    known: Vec<&'static str>,
    /// Keys that must be there and are not, with what is said of each.
    missing: Vec<(&'static str, String)>,
    /// Whether it is no mapping at all, which says all there is to say.
    faulty: bool,
}

impl<'n> Section<'n> {
    /// Opens a mapping; `path` names it in faults and is empty at the top. Anything else is a fault;
    /// an empty node is an empty mapping.
    pub(super) fn open(path: &str, node: &'n Node, faults: &mut Faults) -> Self {
        let mut section = Self {
            path: path.to_owned(),
            at: node.at,
            entries: Vec::new(),
            known: Vec::new(),
            missing: Vec::new(),
            faulty: false,
        };
        match &node.value {
            Value::Map(map) => {
                for (key, value) in map {
                    match &key.value {
                        Value::Text(name) => section.entries.push((name, key.at, value)),
                        _ => {
                            faults.note(key.at, format!("a key is a text, but is {}", key.shown()));
                        }
                    }
                }
            }
            Value::Null => {}
            Value::Faulty => section.faulty = true,
            _ => {
                section.faulty = true;
                let what = if path.is_empty() {
                    "the file must hold keys and values".to_owned()
                } else {
                    format!("`{path}` must hold keys and values")
                };
                faults.note(node.at, format!("{what}, but is {}", node.shown()));
            }
        }
        section
    }

    /// Where the mapping begins.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// A key's full name.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The node of a key; `None` when it is absent or empty.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let (_, _, node) = self.entries.iter().find(|(name, _, _)| *name == key)?;
        (node.value != Value::Null).then_some(*node)
    }

    /// The value of a key that may be absent. A value that cannot be read is a fault.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
        read: impl FnOnce(&Node) -> Result<T, Expected>,
    ) -> Option<T> {
        let node = self.node(key).filter(|node| node.value != Value::Faulty)?;
        match read(node) {
            Ok(value) => Some(value),
            Err(expected) => {
                let path = self.path(key);
                let message = format!("`{path}` must be {expected}, but is {}", node.shown());
                faults.note(node.at, message);
                None
            }
        }
    }

    /// The value of a key that must be there; `example` shows how it is written.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        example: &str,
        faults: &mut Faults,
        read: impl FnOnce(&Node) -> Result<T, Expected>,
    ) -> Option<T> {
        if self.node(key).is_none() {
            self.miss(key, &format!("write for example `{example}`"));
            return None;
        }
        self.take(key, faults, read)
    }

    /// Notes that a key must be there and is not, unless another turns out to be meant for it.
    pub(super) fn miss(&mut self, key: &'static str, remedy: &str) {
        let message = format!("`{}` is missing; {remedy}", self.path(key));
        self.missing.push((key, message));
    }

    /// The nodes of a list; `None` when the key is absent or holds something else, which is a fault.
    pub(super) fn list(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'n [Node]> {
        let node = self.node(key).filter(|node| node.value != Value::Faulty)?;
        if let Value::List(list) = &node.value {
            return Some(list);
        }
        let path = self.path(key);
        faults.note(
            node.at,
            format!("`{path}` must be a list, but is {}", node.shown()),
        );
        None
    }

    /// Every key that was not asked for is a fault, and every one that is missed. A key that was
    /// probably meant for a missing one is one fault, not two.
    pub(super) fn finish(mut self, faults: &mut Faults) {
        #[cfg(test)]
        faults
            .known
            .entry(self.path.clone())
            .or_default()
            .extend(&self.known);
        for (name, at, _) in &self.entries {
            if self.known.contains(name) {
                continue;
            }
            let nearest = self
                .known
                .iter()
                .map(|known| (strsim::damerau_levenshtein(name, known), *known))
                .min()
                .filter(|(distance, known)| *distance <= 1 + known.len() / 4);
            let path = self.path(name);
            let remedy = match nearest {
                Some((_, known)) => {
                    self.missing.retain(|(missing, _)| *missing != known);
                    format!("did you mean `{known}`?")
                }
                None => format!("known are {}", self.known.join(", ")),
            };
            faults.note(
                *at,
                format!("unknown key `{}`; {remedy}", path.escape_debug()),
            );
        }
        if !self.faulty {
            for (_, message) in self.missing {
                faults.note(self.at, message);
            }
        }
    }
}
