//! An encoder that counts what it is asked for, and a collection with a folder of files.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::EncodeError;
use futures::FutureExt;
use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::ingest::{
    ChunkSize, ChunkUnit, IngestError, IngestEvent, IngestOptions, Summary, ingest,
};
use crate::vector::{
    CollectionIdentity, EmbeddedIndex, EmbeddedOptions, Record, ScrollRequest, TextEncoder,
    VectorIndex,
};

/// Vectors by the words of a text; a token is a word.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) encoded: AtomicUsize,
    /// Texts after which it fails; 0 for never.
    pub(super) fails_after: AtomicUsize,
}

const DIMENSION: usize = 16;

impl TextEncoder for Words {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EncodeError>> {
        async move {
            let before = self.encoded.fetch_add(texts.len(), Ordering::Relaxed);
            let fails_after = self.fails_after.load(Ordering::Relaxed);
            if fails_after > 0 && before + texts.len() > fails_after {
                return Err(EncodeError::Failed("out of breath".to_owned()));
            }
            let vector = |text: &String| {
                let mut vector = vec![0.1; DIMENSION];
                for word in text.split_whitespace() {
                    vector[crc32fast::hash(word.as_bytes()) as usize % DIMENSION] += 1.0;
                }
                vector
            };
            Ok(texts.iter().map(vector).collect())
        }
        .boxed()
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        if text.contains("UNCOUNTABLE") {
            return Err(EncodeError::Failed(
                "a text that cannot be counted".to_owned(),
            ));
        }
        Ok(text.split_whitespace().count())
    }
}

/// A folder of files beside the collection that they go into.
pub(super) struct Place {
    pub(super) files: TempDir,
    _store: TempDir,
    pub(super) index: EmbeddedIndex,
    pub(super) words: Arc<Words>,
    pub(super) options: IngestOptions,
}

impl Place {
    pub(super) async fn new() -> Self {
        let store = tempfile::tempdir().unwrap();
        let identity = CollectionIdentity {
            name: "docs".to_owned(),
            encoder: "words".to_owned(),
            dimension: DIMENSION,
        };
        let options = EmbeddedOptions::default();
        let index = EmbeddedIndex::open(store.path(), identity, options)
            .await
            .unwrap();
        Self {
            files: tempfile::tempdir().unwrap(),
            _store: store,
            index,
            words: Arc::default(),
            options: IngestOptions {
                chunk: ChunkSize {
                    unit: ChunkUnit::Tokens,
                    size: 8,
                    overlap: 0,
                },
                batch: 2,
                ..IngestOptions::default()
            },
        }
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.files.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Ingests the whole folder; also how many texts were encoded.
    pub(super) async fn run(&self) -> (Result<Summary, IngestError>, usize) {
        self.run_on(&[self.files.path().to_owned()], &|_| {}).await
    }

    pub(super) async fn run_on(
        &self,
        paths: &[PathBuf],
        progress: &(dyn Fn(IngestEvent) + Send + Sync),
    ) -> (Result<Summary, IngestError>, usize) {
        let before = self.words.encoded.load(Ordering::Relaxed);
        let encoder: Arc<dyn TextEncoder> = self.words.clone();
        let result = ingest(&self.index, encoder, paths, &self.options, progress).await;
        (result, self.words.encoded.load(Ordering::Relaxed) - before)
    }

    /// All that is stored, by source and line.
    pub(super) async fn stored(&self) -> Vec<Record> {
        let request = ScrollRequest {
            limit: 1000,
            ..ScrollRequest::default()
        };
        let mut records = self.index.scroll(request).await.unwrap().records;
        records.sort_by_key(|record| {
            let of = |key: &str| record.metadata.get(key).map(|value| value.to_string());
            (
                of("source"),
                of("first_line").map(|line| (line.len(), line)),
                record.id.clone(),
            )
        });
        records
    }

    pub(super) async fn texts(&self) -> Vec<String> {
        self.stored()
            .await
            .into_iter()
            .map(|record| record.text)
            .collect()
    }
}
