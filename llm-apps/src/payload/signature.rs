//! What a stage needs to be there, and what is there behind it.

use std::collections::BTreeMap;

use thiserror::Error;

use super::kind::Kind;

/// Variables that a stage reads, and those that it writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// What must be there, and as what.
    pub reads: BTreeMap<String, Kind>,
    /// What is there behind it.
    pub writes: BTreeMap<String, Kind>,
}

/// Why a stage does not fit to those before it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// Nothing before it writes a variable.
    #[error("needs `{name}`, which no stage before it makes{}", there(.known))]
    Missing {
        /// The variable.
        name: String,
        /// The variables that there are.
        known: Vec<String>,
    },
    /// A variable holds something else.
    #[error("needs `{name}` to be {wanted}, but it is {found}")]
    Kind {
        /// The variable.
        name: String,
        /// What is needed.
        wanted: Kind,
        /// What it is.
        found: Kind,
    },
}

impl Signature {
    /// Adds a variable that is read.
    #[must_use]
    pub fn reads(mut self, name: impl Into<String>, kind: Kind) -> Self {
        self.reads.insert(name.into(), kind);
        self
    }

    /// Adds a variable that is written.
    #[must_use]
    pub fn writes(mut self, name: impl Into<String>, kind: Kind) -> Self {
        self.writes.insert(name.into(), kind);
        self
    }

    /// Everything that keeps a stage from running where the variables of `scope` are there.
    pub fn faults(&self, scope: &BTreeMap<String, Kind>) -> Vec<SignatureError> {
        let fault = |(name, wanted): (&String, &Kind)| match scope.get(name) {
            None => Some(SignatureError::Missing {
                name: name.clone(),
                known: scope.keys().cloned().collect(),
            }),
            Some(found) if !found.serves(*wanted) => Some(SignatureError::Kind {
                name: name.clone(),
                wanted: *wanted,
                found: *found,
            }),
            Some(_) => None,
        };
        self.reads.iter().filter_map(fault).collect()
    }
}

fn there(known: &[String]) -> String {
    if known.is_empty() {
        return String::new();
    }
    format!("; there are {}", known.join(", "))
}
