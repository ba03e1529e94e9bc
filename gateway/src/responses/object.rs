//! A response as clients see it, at each point of its making.

use serde_json::{Map, Value, json};

use crate::store::{OutputItem, ResponseRecord, ResponseStatus, TokenCounts};

/// The response as it stands.
pub(crate) fn object(record: &ResponseRecord) -> Value {
    let output = record.output.iter().map(|item| shown(item, record.status));
    let mut object = opening(record, record.status);
    object.insert("output".to_owned(), output.collect());
    object.insert("error".to_owned(), json!(record.error));
    object.insert("completed_at".to_owned(), json!(record.completed_at));
    if record.status == ResponseStatus::Incomplete {
        let details = json!({"reason": "max_output_tokens"});
        object.insert("incomplete_details".to_owned(), details);
    }
    if let Some(usage) = record.usage {
        object.insert("usage".to_owned(), counted(usage));
    }
    if !record.sources.is_null() {
        let extras = json!({"sources": record.sources});
        object.insert("penstock".to_owned(), extras);
    }
    Value::Object(object)
}

/// The response before anything of it was said.
pub(super) fn opening(record: &ResponseRecord, status: ResponseStatus) -> Map<String, Value> {
    let mut object = record.asked.clone();
    let fields = [
        ("id", json!(record.id)),
        ("object", json!("response")),
        ("created_at", json!(record.created_at)),
        ("completed_at", Value::Null),
        ("status", json!(status)),
        ("error", Value::Null),
        ("incomplete_details", Value::Null),
        ("output", json!([])),
    ];
    let named = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    object.extend(named);
    object
}

/// An item of the output of a response with this status.
pub(super) fn shown(item: &OutputItem, status: ResponseStatus) -> Value {
    let mut shown = item.stored();
    let state = match status {
        ResponseStatus::Completed => "completed",
        ResponseStatus::Queued | ResponseStatus::InProgress => "in_progress",
        ResponseStatus::Incomplete | ResponseStatus::Failed | ResponseStatus::Cancelled => {
            "incomplete"
        }
    };
    shown["status"] = state.into();
    shown
}

fn counted(usage: TokenCounts) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input.saturating_add(usage.output),
    })
}
