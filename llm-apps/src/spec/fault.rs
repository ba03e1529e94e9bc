//! Faults of a configuration, each with its place.

use std::fmt;

use super::node::Position;

/// One fault of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it is; `None` when it is about the file as a whole.
    pub at: Option<Position>,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// All faults that were found in one file. It prints one line for each, as
/// `file:line:column: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The file, as it was named.
    pub file: String,
    /// The faults, in the order of the file.
    pub list: Vec<Fault>,
    /// The keys that sections asked for, by their path: what the schema must know.
    #[cfg(test)]
    pub(super) known: std::collections::BTreeMap<String, std::collections::BTreeSet<&'static str>>,
}

impl Faults {
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            list: Vec::new(),
            #[cfg(test)]
            known: std::collections::BTreeMap::new(),
        }
    }

    pub(super) fn note(&mut self, at: Position, message: impl Into<String>) {
        self.list.push(Fault {
            at: Some(at),
            message: message.into(),
        });
    }

    /// `value` if nothing is wrong, else the faults in the order of the file.
    pub(super) fn or<T>(mut self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => {
                self.list.sort_by_key(|fault| fault.at);
                Err(self)
            }
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match fault.at {
                Some(at) => write!(f, "{}:{at}: {}", self.file, fault.message)?,
                None => write!(f, "{}: {}", self.file, fault.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
