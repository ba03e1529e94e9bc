//! JSON lines: each an object with a `text`, and whatever else it says as metadata.

use std::path::Path;

use serde_json::{Map, Value};

use super::kind::ReadFile;
use super::text;
use crate::ingest::document::Document;
use crate::ingest::event::Failure;

/// Most failures that are listed; a file of another kind would have one a line.
const MAX_FAILURES: usize = 20;

/// A document for each line that is one.
pub(super) fn read(path: &Path, lines: &str) -> ReadFile {
    let mut read = ReadFile::default();
    let mut faulty = 0_usize;
    for (number, line) in (1u32..).zip(lines.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        match document(number, line) {
            Ok(document) => read.documents.push(document),
            Err(why) => {
                faulty += 1;
                if faulty <= MAX_FAILURES {
                    read.failures.push(Failure {
                        path: path.to_owned(),
                        line: Some(number),
                        why,
                    });
                }
            }
        }
    }
    if faulty > MAX_FAILURES {
        read.failures.push(Failure {
            path: path.to_owned(),
            line: None,
            why: format!("{} more lines are no documents", faulty - MAX_FAILURES),
        });
    }
    read
}

fn document(number: u32, line: &str) -> Result<Document, String> {
    let mut object: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| format!("the line is no JSON object: {error}"))?;
    let Some(Value::String(body)) = object.remove("text") else {
        return Err("the object has no `text`, or it is no text".to_owned());
    };
    let title = match object.remove("title") {
        None | Some(Value::Null) => None,
        Some(Value::String(title)) => Some(title),
        Some(other) => return Err(format!("`title` must be a text, but is {other}")),
    };
    if let Some(key) = object.keys().find(|key| key.starts_with('_')) {
        return Err(format!(
            "the key {key:?} begins with `_`, which is kept for our own"
        ));
    }
    let mut document = text::read(&body);
    document.title = title;
    document.metadata = object;
    for block in document
        .sections
        .iter_mut()
        .flat_map(|section| &mut section.blocks)
    {
        block.lines = Some((number, number));
    }
    Ok(document)
}
