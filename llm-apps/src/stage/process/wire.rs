//! Lines, as they go to the child and come back.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// One line to the child.
#[derive(Debug, Serialize)]
pub(super) struct Question<'a> {
    pub(super) id: u64,
    pub(super) variables: BTreeMap<&'a str, &'a Value>,
}

/// One line from the child.
#[derive(Debug)]
pub(super) enum Line {
    /// `{"ready": true}`.
    Ready,
    /// An answer.
    Reply(Reply),
}

/// An answer: either variables or an error.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: u64,
    pub(super) variables: Option<Map<String, Value>>,
    pub(super) error: Option<String>,
}

/// Every field that a line may have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    id: Option<u64>,
    variables: Option<Map<String, Value>>,
    error: Option<String>,
    ready: Option<bool>,
}

impl Line {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let fields: Fields = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        match fields {
            Fields {
                id: None,
                variables: None,
                error: None,
                ready: Some(true),
            } => Ok(Self::Ready),
            Fields {
                id: Some(id),
                variables,
                error,
                ready: None,
            } => Ok(Self::Reply(Reply {
                id,
                variables,
                error,
            })),
            Fields { ready: Some(_), .. } => Err("`ready` must be true and stand alone".to_owned()),
            Fields { id: None, .. } => Err("missing field `id`".to_owned()),
        }
    }
}

/// The next line without its end, of at most `most` bytes; `None` at the end. What stands behind the
/// last end of a line is no line.
///
/// # Errors
/// That of the reader, or [`io::ErrorKind::InvalidData`] for a longer line.
pub(super) async fn line(
    reader: &mut (impl AsyncBufRead + Unpin),
    most: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let there = reader.fill_buf().await?;
        if there.is_empty() {
            return Ok(None);
        }
        let end = there.iter().position(|&byte| byte == b'\n');
        let part = end.unwrap_or(there.len());
        if part > most - line.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        line.extend_from_slice(&there[..part]);
        reader.consume(part + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}
