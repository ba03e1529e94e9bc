//! A node as JSON, for values that are somebody else's to understand.

use serde_json::{Map, Number, Value as Json};

use super::fault::Faults;
use super::node::{Node, Value};

/// The node as JSON. A key that is no text, and a number that JSON has no form for, are faults.
pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Json> {
    match &node.value {
        Value::Faulty => None,
        Value::Null => Some(Json::Null),
        Value::Bool(value) => Some(Json::Bool(*value)),
        Value::Text(text) | Value::Expanded { text, .. } => Some(Json::String(text.clone())),
        Value::Integer(value) => {
            let number = Number::from_i128(*value);
            if number.is_none() {
                faults.note(node.at, format!("{value} is beyond 64 bits"));
            }
            number.map(Json::Number)
        }
        Value::Float(value) => {
            let number = Number::from_f64(*value);
            if number.is_none() {
                faults.note(node.at, format!("{value} is no finite number"));
            }
            number.map(Json::Number)
        }
        Value::List(list) => {
            let items: Vec<_> = list.iter().map(|item| read(item, faults)).collect();
            items.into_iter().collect::<Option<_>>().map(Json::Array)
        }
        Value::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let value = read(value, faults);
                match (&key.value, value) {
                    (Value::Text(name), Some(value)) => drop(map.insert(name.clone(), value)),
                    (Value::Text(_), None) => {}
                    _ => faults.note(key.at, format!("a key is a text, but is {}", key.shown())),
                }
            }
            Some(Json::Object(map))
        }
    }
}
