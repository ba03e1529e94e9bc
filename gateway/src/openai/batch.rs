//! Batches on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::file::expires_after;
use super::judge::{Rules, judged};
use super::object::AsObject;
use super::parse::{required, typed};
use super::tables::BATCHES;
use crate::error::ApiError;
use crate::store::{BatchRecord, BatchStatus, Counts, LineFault};

/// What lines may ask.
const BATCH_ENDPOINTS: &[&str] = &[
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
];

/// `POST /v1/batches`, proved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewBatch {
    pub(crate) input_file_id: String,
    pub(crate) endpoint: String,
    pub(crate) completion_window: String,
    /// An object or null.
    pub(crate) metadata: Value,
    /// Seconds.
    pub(crate) output_expires_after: Option<u64>,
    /// Fields that no table knows.
    pub(crate) unknown_fields: usize,
}

/// A batch as clients see it.
#[derive(Debug, Serialize)]
pub(crate) struct BatchObject {
    id: String,
    object: &'static str,
    endpoint: String,
    errors: Option<Faults>,
    input_file_id: String,
    completion_window: String,
    status: BatchStatus,
    output_file_id: Option<String>,
    error_file_id: Option<String>,
    created_at: u64,
    in_progress_at: Option<u64>,
    expires_at: u64,
    finalizing_at: Option<u64>,
    completed_at: Option<u64>,
    failed_at: Option<u64>,
    expired_at: Option<u64>,
    cancelling_at: Option<u64>,
    cancelled_at: Option<u64>,
    request_counts: Counts,
    metadata: Value,
}

#[derive(Debug, Serialize)]
struct Faults {
    object: &'static str,
    data: Vec<LineFault>,
}

#[derive(Debug, Deserialize)]
struct Wire {
    input_file_id: Option<String>,
    endpoint: Option<String>,
    completion_window: Option<String>,
    metadata: Option<Map<String, Value>>,
    output_expires_after: Option<AsObject<WireExpiry>>,
}

#[derive(Debug, Deserialize)]
struct WireExpiry {
    anchor: Option<String>,
    seconds: Option<u32>,
}

/// The one window that there is, and its seconds.
pub(crate) const WINDOW: (&str, u64) = ("24h", 86_400);
/// Entries of `metadata`.
const MAX_METADATA: usize = 16;
/// Characters of a key of it, and of a value.
const METADATA_LENGTHS: (usize, usize) = (64, 512);

/// Reads the body of `POST /v1/batches`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub(crate) fn batch_request(body: &[u8], rules: Rules) -> Result<NewBatch, ApiError> {
    let (request, unknown_fields) = judged(body, BATCHES, rules)?;
    let wire: Wire = typed(&request)?;
    let input_file_id = required(wire.input_file_id, "input_file_id")?;
    let endpoint = required(wire.endpoint, "endpoint")?;
    if !BATCH_ENDPOINTS.contains(&&*endpoint) {
        let message = format!("endpoint must be one of {}", BATCH_ENDPOINTS.join(", "));
        return Err(ApiError::invalid("endpoint", message));
    }
    let completion_window = required(wire.completion_window, "completion_window")?;
    if completion_window != WINDOW.0 {
        let message = format!("completion_window must be \"{}\"", WINDOW.0);
        return Err(ApiError::invalid("completion_window", message));
    }
    let metadata = metadata(wire.metadata)?;
    let expiry = wire.output_expires_after.map(|expiry| expiry.0);
    let output_expires_after = match expiry {
        None => None,
        Some(WireExpiry { anchor, seconds }) => {
            let seconds = seconds.map(|seconds| Ok(u64::from(seconds)));
            expires_after("output_expires_after", anchor.as_deref(), seconds)?
        }
    };
    Ok(NewBatch {
        input_file_id,
        endpoint,
        completion_window,
        metadata,
        output_expires_after,
        unknown_fields,
    })
}

/// Proves a client's own notes on something that is kept.
///
/// # Errors
/// Names what is too much.
pub(crate) fn metadata(wire: Option<Map<String, Value>>) -> Result<Value, ApiError> {
    let Some(metadata) = wire else {
        return Ok(Value::Null);
    };
    let (key_length, length) = METADATA_LENGTHS;
    let fits = |(key, value): (&String, &Value)| {
        let value = value.as_str().map(|value| value.chars().count());
        key.chars().count() <= key_length && value.is_some_and(|value| value <= length)
    };
    if metadata.len() > MAX_METADATA || !metadata.iter().all(fits) {
        let message = format!(
            "metadata may have {MAX_METADATA} entries, whose keys have {key_length} characters and whose \
             values are strings of {length} at most"
        );
        return Err(ApiError::invalid("metadata", message));
    }
    Ok(Value::Object(metadata))
}

impl BatchObject {
    pub(crate) fn of(batch: BatchRecord) -> Self {
        let ended = |status| batch.ended_at.filter(|_| batch.status == status);
        let faults = (!batch.errors.is_empty()).then(|| Faults {
            object: "list",
            data: batch.errors.clone(),
        });
        Self {
            object: "batch",
            errors: faults,
            status: batch.status,
            created_at: batch.created_at,
            in_progress_at: batch.in_progress_at,
            expires_at: batch.expires_at,
            finalizing_at: batch.finalizing_at,
            completed_at: ended(BatchStatus::Completed),
            failed_at: ended(BatchStatus::Failed),
            expired_at: ended(BatchStatus::Expired),
            cancelling_at: batch.cancelling_at,
            cancelled_at: ended(BatchStatus::Cancelled),
            request_counts: batch.counts,
            id: batch.id,
            endpoint: batch.endpoint,
            input_file_id: batch.input_file_id,
            completion_window: batch.completion_window,
            output_file_id: batch.output_file_id,
            error_file_id: batch.error_file_id,
            metadata: batch.metadata,
        }
    }
}
