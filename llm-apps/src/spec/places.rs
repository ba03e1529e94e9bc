//! Where a model's values stand in the file, for faults that show only when the model is opened.

use std::collections::BTreeMap;

use super::fault::{Fault, Faults};
use super::node::{Node, Position, Value};

/// The places of one model's values. All places are equal: a model that stands elsewhere in the file is the
/// same model.
#[derive(Debug, Clone, Default)]
pub struct Places {
    file: String,
    /// The model as faults name it: `models[0]`.
    path: String,
    /// Where the model begins.
    at: Option<Position>,
    /// Where each value stands, by its keys below the model: `engine.kv_cache`.
    values: BTreeMap<String, Position>,
}

impl Places {
    /// The places below `node`, which faults in `file` name as `path`.
    pub(super) fn of(file: &str, path: &str, node: &Node) -> Self {
        let mut values = BTreeMap::new();
        note_values("", node, &mut values);
        Self {
            file: file.to_owned(),
            path: path.to_owned(),
            at: Some(node.at),
            values,
        }
    }

    /// A fault of the value at `key`, such as `engine.kv_cache`: its name, then `fault`. A value that
    /// the file leaves to its default has the place of what would hold it.
    pub fn fault(&self, key: &str, fault: &str) -> Faults {
        let mut holder = Some(key);
        let mut at = self.at;
        while let Some(path) = holder {
            if let Some(found) = self.values.get(path) {
                at = Some(*found);
                break;
            }
            holder = path.rsplit_once('.').map(|(parent, _)| parent);
        }
        let message = format!("`{}.{key}` {fault}", self.path);
        Faults {
            file: self.file.clone(),
            list: vec![Fault { at, message }],
            #[cfg(test)]
            known: BTreeMap::new(),
        }
    }
}

impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn note_values(prefix: &str, node: &Node, values: &mut BTreeMap<String, Position>) {
    let Value::Map(map) = &node.value else {
        return;
    };
    for (key, value) in map {
        if let Value::Text(name) = &key.value {
            let path = format!("{prefix}{name}");
            note_values(&format!("{path}."), value, values);
            values.insert(path, value.at);
        }
    }
}
