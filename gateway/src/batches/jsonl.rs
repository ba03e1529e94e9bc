//! Files with a JSON object on each line, read with bounded memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::Map;
use thiserror::Error;

use crate::store::StoreError;

/// Longest line, in bytes.
const MAX_LINE: u64 = 8 << 20;

/// A line that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Counted from 1, empty lines among them.
    pub(super) number: u64,
    /// Where it begins, in bytes.
    pub(super) at: u64,
    /// Its bytes.
    pub(super) len: usize,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum JsonlFault {
    /// There is nothing in it.
    #[error("the file is empty; it needs a JSON object on each line")]
    Empty,
    /// A line has no JSON object.
    #[error("line {line} is not a JSON object: {why}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// In words.
        why: String,
    },
    /// A line has no end.
    #[error("line {0} is longer than {MAX_LINE} bytes")]
    TooLong(u64),
}

/// Looks at each line of a file; the first that is wrong is the answer.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn check_jsonl(path: &Path) -> Result<Result<(), JsonlFault>, StoreError> {
    let mut fault = None;
    let mut any = false;
    let walked = each_line(path, |span, line| {
        any = true;
        let object = serde_json::from_slice::<Map<String, serde_json::Value>>(line);
        // The whole is read, so that what is behind the object is seen too.
        if let Err(error) = object.and_then(|_| serde_json::from_slice::<IgnoredAny>(line)) {
            let why = error.to_string();
            fault = Some(JsonlFault::Line {
                line: span.number,
                why,
            });
        }
        fault.is_none()
    })?;
    Ok(match (walked, fault) {
        (_, Some(fault)) | (Err(fault), None) => Err(fault),
        (Ok(()), None) if !any => Err(JsonlFault::Empty),
        (Ok(()), None) => Ok(()),
    })
}

/// Calls `look` with each line that is not empty, until it says that it has seen enough.
///
/// # Errors
/// The file cannot be read. Inside: a line is too long.
pub(super) fn each_line(
    path: &Path,
    mut look: impl FnMut(Span, &[u8]) -> bool,
) -> Result<Result<(), JsonlFault>, StoreError> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut number, mut at) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE + 1);
        let len = { read }.read_until(b'\n', &mut line)?;
        if len == 0 {
            return Ok(Ok(()));
        }
        number += 1;
        if len as u64 > MAX_LINE {
            return Ok(Err(JsonlFault::TooLong(number)));
        }
        let text = line.trim_ascii();
        let span = Span { number, at, len };
        if !text.is_empty() && !look(span, text) {
            return Ok(Ok(()));
        }
        at += len as u64;
    }
}
