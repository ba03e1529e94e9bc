//! The first reading of a body, the same for all endpoints: JSON, an object, and no field that is
//! refused.

use serde_json::Value;

use super::fields::{Table, judge};
use super::parse::object;
use crate::error::ApiError;

/// What the configuration says about requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether unknown fields are refused.
    pub strict: bool,
    /// Answers that one request may ask for.
    pub max_choices: u32,
}

/// The object in `body`, and how many of its fields `table` does not know.
///
/// # Errors
/// Names what is not JSON, not an object, refused, or, where the rules are strict, unknown.
pub(crate) fn judged(body: &[u8], table: Table, rules: Rules) -> Result<(Value, usize), ApiError> {
    let request = object(body)?;
    let unknown = match request.as_object() {
        Some(fields) => judge(table, fields)?,
        None => Vec::new(),
    };
    match unknown.first() {
        Some(path) if rules.strict => {
            let path: String = path.chars().take(200).collect();
            let message = format!("unknown field `{path}`; this server is strict");
            Err(ApiError::invalid(path, message))
        }
        _ => Ok((request, unknown.len())),
    }
}
