//! What a file's chunks should be, beside what the collection has of it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of JSON values only objects are looked into"
)]

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::chunk::{Chunk, chunks};
use super::document::Document;
use super::options::IngestOptions;
use super::origin::ORIGIN;
use crate::ingest::chunk::ChunkUnit;
use crate::vector::{Metadata, SOURCE, TextEncoder};

/// A chunk that should be in the collection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) text: String,
    /// What is encoded: the text under its title and headings, which often say what it is about.
    pub(super) encoded: String,
    pub(super) metadata: Metadata,
}

/// What the collection has of one file: a fingerprint of the metadata by id.
pub(super) type There = HashMap<String, Fingerprint>;

/// A hash of metadata, in which the order of keys does not count.
pub(super) type Fingerprint = [u8; 32];

/// What is to be done for one file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// To be encoded and stored.
    pub(super) add: Vec<Wanted>,
    /// To get new metadata: the text is the same and stands elsewhere.
    pub(super) change: Vec<(String, Metadata)>,
    /// There already.
    pub(super) kept: usize,
    /// No more.
    pub(super) remove: Vec<String>,
}

impl Plan {
    /// Compares; `whole` says whether all of the file was read, for else nothing of it is removed.
    pub(super) fn new(wanted: Vec<Wanted>, there: There, whole: bool) -> Self {
        let mut plan = Self::default();
        let ids: HashSet<String> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
        for wanted in wanted {
            match there.get(&wanted.id) {
                None => plan.add.push(wanted),
                Some(stored) => {
                    plan.kept += 1;
                    if *stored != fingerprint(&wanted.metadata) {
                        plan.change.push((wanted.id, wanted.metadata));
                    }
                }
            }
        }
        if whole {
            plan.remove = there.into_keys().filter(|id| !ids.contains(id)).collect();
            plan.remove.sort_unstable();
        }
        plan
    }
}

/// How a file is called in a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// As it was reached.
    pub(super) source: String,
    /// By which it is told from others.
    pub(super) origin: String,
}

/// The chunks of a file's documents.
pub(super) fn wanted(
    name: &Name,
    documents: &[Document],
    options: &IngestOptions,
    encoder: &dyn TextEncoder,
) -> Result<Vec<Wanted>, String> {
    let count = |text: &str| match options.chunk.unit {
        ChunkUnit::Tokens => encoder
            .count_tokens(text)
            .map_err(|error| error.to_string()),
        ChunkUnit::Characters => Ok(text.chars().count()),
    };
    let source = name.source.as_str();
    let mut wanted = Vec::new();
    let mut seen: HashMap<Fingerprint, u32> = HashMap::new();
    for document in documents {
        let stem = Path::new(source).file_stem().and_then(|stem| stem.to_str());
        let title = document.title.as_deref().or(stem).unwrap_or(source);
        for chunk in chunks(document, &options.chunk, &count)? {
            let encoded = encoded(title, &chunk);
            let hash: Fingerprint = Sha256::digest(encoded.as_bytes()).into();
            // The same words twice in a file are two chunks.
            let nth = seen.entry(hash).or_default();
            let id = id(&name.origin, &hash, *nth);
            *nth += 1;
            wanted.push(Wanted {
                id,
                metadata: metadata(name, title, &chunk, &hash, document),
                text: chunk.text,
                encoded,
            });
        }
    }
    Ok(wanted)
}

/// A hash of metadata.
pub(super) fn fingerprint(metadata: &Metadata) -> Fingerprint {
    let mut hasher = Sha256::new();
    hash_object(metadata, &mut hasher);
    hasher.finalize().into()
}

fn hash_object(object: &Metadata, hasher: &mut Sha256) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in entries {
        hasher.update(key.as_bytes());
        hasher.update([0]);
        match value {
            Value::Object(inner) => {
                hasher.update(b"{");
                hash_object(inner, hasher);
                hasher.update(b"}");
            }
            other => hasher.update(other.to_string().as_bytes()),
        }
        hasher.update([0]);
    }
}

fn encoded(title: &str, chunk: &Chunk) -> String {
    let mut headings = chunk.headings.as_slice();
    if headings.first().is_some_and(|first| first == title) {
        headings = &headings[1..];
    }
    let mut encoded = title.to_owned();
    for heading in headings {
        encoded.push_str(" > ");
        encoded.push_str(heading);
    }
    encoded.push('\n');
    encoded.push_str(&chunk.text);
    encoded
}

fn id(origin: &str, hash: &Fingerprint, nth: u32) -> String {
    let mut hasher = Sha256::new();
    hasher.update(origin.as_bytes());
    hasher.update([0]);
    hasher.update(hash);
    hasher.update(nth.to_le_bytes());
    hex(&hasher.finalize()[..16])
}

fn metadata(
    name: &Name,
    title: &str,
    chunk: &Chunk,
    hash: &Fingerprint,
    document: &Document,
) -> Metadata {
    let mut metadata = document.metadata.clone();
    let mut set = |key: &str, value: Value| {
        metadata.insert(key.to_owned(), value);
    };
    set(SOURCE, json!(name.source));
    set(ORIGIN, json!(name.origin));
    set("title", json!(title));
    set("hash", json!(hex(hash)));
    if !chunk.headings.is_empty() {
        set("headings", json!(chunk.headings));
    }
    if let Some(page) = chunk.page {
        set("page", json!(page));
    }
    if let Some((first, last)) = chunk.lines {
        set("first_line", json!(first));
        set("last_line", json!(last));
    }
    metadata
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
