//! The schema of a request from its table.

use serde_json::{Map, Value, json};

use super::operations::Body;
use crate::openai::{Effect, Field};

/// Types of fields by name; `path#name` where an endpoint has another under the same name. A field that is not there is
/// any JSON.
const FIELDS: &str = include_str!("fields.json");

/// Types of fields.
pub(super) struct Types(Map<String, Value>);

impl Types {
    pub(super) fn read() -> Self {
        // A test reads it.
        Self(serde_json::from_str(FIELDS).unwrap_or_default())
    }

    /// The type of the field at `path` of the requests to `endpoint`.
    fn of(&self, endpoint: &str, path: &str) -> Value {
        let own = self.0.get(&format!("{endpoint}#{path}"));
        own.or_else(|| self.0.get(path))
            .cloned()
            .unwrap_or_else(|| json!({}))
    }
}

/// The schema of a body.
pub(super) fn schema(types: &Types, endpoint: &str, body: &Body) -> Value {
    let mut schema = json!({"type": "object", "properties": {}});
    if !body.required.is_empty() {
        schema["required"] = json!(body.required);
    }
    for field in body.table.iter().copied().flatten() {
        if let Some(described) = described(types, endpoint, field)
            && let Some(place) = place(&mut schema, field.path)
        {
            place.insert(last(field.path).to_owned(), described);
        }
    }
    schema
}

/// The field's schema; nothing for one that is refused.
fn described(types: &Types, endpoint: &str, field: &Field) -> Option<Value> {
    let mut told = types.of(endpoint, field.path);
    match field.effect {
        Effect::Honoured => {}
        Effect::NoEffect(why) => told["description"] = json!(format!("No effect: {why}.")),
        Effect::Refused { .. } => return None,
    }
    Some(told)
}

/// The last name of a path.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The properties among which the field at `path` stands: of the object, or of the objects in the list, above it.
fn place<'s>(schema: &'s mut Value, path: &str) -> Option<&'s mut Map<String, Value>> {
    let mut at = schema;
    let parents = path.rsplit_once('.').map_or("", |(parents, _)| parents);
    for name in parents.split('.').filter(|name| !name.is_empty()) {
        let plain = name.strip_suffix("[]");
        at = at.get_mut("properties")?.get_mut(plain.unwrap_or(name))?;
        if plain.is_some() {
            at = items(at);
        }
    }
    let object = at.as_object_mut()?;
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    properties.as_object_mut()
}

/// The schema of a list's items: of the list itself, or of the one that may stand in its place.
fn items(list: &mut Value) -> &mut Value {
    let among = list.get("anyOf").and_then(Value::as_array);
    let index = among.and_then(|all| all.iter().position(|one| one["type"] == "array"));
    let list = match index {
        Some(index) => &mut list["anyOf"][index],
        None => list,
    };
    &mut list["items"]
}
