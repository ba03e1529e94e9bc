//! Which kinds of files there are.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{html, jsonl, markdown, pdf, text};
use crate::ingest::document::Document;
use crate::ingest::event::Failure;

/// A kind of file, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ingest) enum Kind {
    Text,
    Markdown,
    Html,
    Pdf,
    /// A JSON object a line, each a document.
    JsonLines,
}

/// What was read, and what could not be.
#[derive(Debug, Default, PartialEq)]
pub(in crate::ingest) struct ReadFile {
    pub(in crate::ingest) documents: Vec<Document>,
    pub(in crate::ingest) failures: Vec<Failure>,
}

impl Kind {
    /// The kind of a file; `None` when it is not known.
    pub(in crate::ingest) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "txt" | "text" => Some(Self::Text),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// Reads a file. A file as a whole that cannot be read is one failure and no document.
pub(in crate::ingest) fn read(path: &Path, max_bytes: u64) -> ReadFile {
    let result = bytes(path, max_bytes).and_then(|bytes| {
        let one = |document| ReadFile {
            documents: vec![document],
            failures: Vec::new(),
        };
        match Kind::of(path) {
            Some(Kind::Text) => Ok(one(text::read(&utf8(&bytes)?))),
            Some(Kind::Markdown) => Ok(one(markdown::read(&utf8(&bytes)?))),
            Some(Kind::Html) => Ok(one(html::read(&utf8(&bytes)?))),
            Some(Kind::Pdf) => pdf::read(&bytes).map(one),
            Some(Kind::JsonLines) => Ok(jsonl::read(path, &utf8(&bytes)?)),
            None => {
                Err("its kind is not known; known are .txt, .md, .html, .pdf and .jsonl".to_owned())
            }
        }
    });
    result.unwrap_or_else(|why| ReadFile {
        documents: Vec::new(),
        failures: vec![Failure {
            path: path.to_owned(),
            line: None,
            why,
        }],
    })
}

fn bytes(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let read = file
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!("the file has more than {max_bytes} bytes"));
    }
    Ok(bytes)
}

/// The text without a byte order mark.
fn utf8(bytes: &[u8]) -> Result<String, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()]
                .iter()
                .filter(|b| **b == b'\n')
                .count();
            Err(format!(
                "the file is not UTF-8: line {line} has a byte that is none"
            ))
        }
    }
}
