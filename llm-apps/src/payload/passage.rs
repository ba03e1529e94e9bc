//! What a lookup finds.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A piece of a document that may help to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Its id in the collection.
    pub id: String,
    /// The text.
    pub text: String,
    /// Where it comes from: a path, an address.
    pub source: String,
    /// How well it fits; greater is better. What the numbers mean depends on the lookup.
    pub score: f32,
    /// What else the collection knows of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}
