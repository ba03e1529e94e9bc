//! The input of a batch, proved before any line of it is answered.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::jsonl::{JsonlFault, each_line};
use crate::store::{LineFault, StoreError};

/// Lines of one batch.
const MAX_LINES: u32 = 50_000;
/// Longest id that a line may have, in bytes.
const MAX_CUSTOM_ID: usize = 512;
/// Faults that are listed; more are counted out loud.
const MAX_FAULTS: usize = 100;

/// A line, proved.
#[derive(Debug)]
pub(super) struct Request {
    /// The client's own id of it.
    pub(super) custom_id: String,
    /// What is asked.
    pub(super) body: Map<String, Value>,
}

/// Counts the lines of an input, or lists what is wrong with them.
///
/// # Errors
/// The file cannot be read.
pub(super) fn prove(
    path: &Path,
    endpoint: &str,
) -> Result<Result<u32, Vec<LineFault>>, StoreError> {
    let mut faults = Vec::new();
    let mut ids = HashSet::new();
    let mut lines = 0;
    let walked = each_line(path, |span, line| {
        lines += 1;
        if lines > MAX_LINES {
            let message = format!("a batch has {MAX_LINES} lines at most");
            faults.push(fault("too_many_tasks", message, None, None));
            return false;
        }
        let found = request(line, endpoint).and_then(|request| {
            if ids.insert(request.custom_id.clone()) {
                return Ok(());
            }
            let message = format!(
                "the custom_id {:?} stands on another line too",
                request.custom_id
            );
            Err(("duplicate_custom_id", message, Some("custom_id")))
        });
        if let Err((code, message, param)) = found {
            faults.push(fault(code, message, param, Some(span.number)));
        }
        faults.len() < MAX_FAULTS
    })?;
    match walked {
        Err(wrong @ JsonlFault::TooLong(line)) => {
            faults.push(fault("line_too_long", wrong.to_string(), None, Some(line)));
        }
        Err(wrong) => faults.push(fault("invalid_json_line", wrong.to_string(), None, None)),
        Ok(()) if lines == 0 => {
            faults.push(fault(
                "empty_file",
                JsonlFault::Empty.to_string(),
                None,
                None,
            ));
        }
        Ok(()) => {}
    }
    Ok(if faults.is_empty() {
        Ok(lines)
    } else {
        Err(faults)
    })
}

/// Reads a line; what is wrong has a code, words, and the field.
pub(super) fn request(line: &[u8], endpoint: &str) -> Result<Request, Wrong> {
    let mut line: Map<String, Value> = serde_json::from_slice(line).map_err(|error| {
        (
            "invalid_json_line",
            format!("not a JSON object: {error}"),
            None,
        )
    })?;
    let missing = |field: &'static str, what: &str| {
        let message = format!("the field `{field}` is required and must be {what}");
        ("missing_required_parameter", message, Some(field))
    };
    let custom_id = match line.remove("custom_id") {
        Some(Value::String(id)) if (1..=MAX_CUSTOM_ID).contains(&id.len()) => id,
        _ => {
            let what = format!("a string of 1 to {MAX_CUSTOM_ID} bytes");
            return Err(missing("custom_id", &what));
        }
    };
    match line.get("method") {
        Some(Value::String(method)) if method == "POST" => {}
        _ => return Err(missing("method", "\"POST\"")),
    }
    match line.get("url") {
        Some(Value::String(url)) if url == endpoint => {}
        Some(Value::String(url)) => {
            let url: String = url.chars().take(100).collect();
            let message = format!("url is {url:?}, but the batch's endpoint is \"{endpoint}\"");
            return Err(("mismatched_endpoint", message, Some("url")));
        }
        _ => return Err(missing("url", "the batch's endpoint")),
    }
    match line.remove("body") {
        Some(Value::Object(body)) => Ok(Request { custom_id, body }),
        _ => Err(missing("body", "an object")),
    }
}

type Wrong = (&'static str, String, Option<&'static str>);

fn fault(code: &str, message: String, param: Option<&str>, line: Option<u64>) -> LineFault {
    LineFault {
        code: code.to_owned(),
        message,
        param: param.map(str::to_owned),
        line,
    }
}
