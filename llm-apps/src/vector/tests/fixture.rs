//! Collections to test on, and passages to put into them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else it is, a test fails on it"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::stand_in::StandIn;
use crate::vector::{
    CollectionIdentity, EmbeddedIndex, EmbeddedOptions, Filter, Hit, Metadata, Near, Point,
    QdrantIndex, QdrantOptions, Query, ScrollRequest, SearchRequest, VectorIndex,
};

/// Numbers of the tests' vectors.
pub(super) const DIMENSION: usize = 4;

/// A store, and what keeps it alive.
pub(super) struct Place {
    pub(super) index: Box<dyn VectorIndex>,
    _folder: Option<tempfile::TempDir>,
    _server: Option<StandIn>,
}

/// The two kinds of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Embedded,
    Qdrant,
}

/// Runs one test of the contract on both kinds of stores.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test] async fn $test() {
                super::$test($crate::vector::tests::fixture::place(
                    $crate::vector::tests::fixture::Kind::Embedded).await).await;
            })*
        }
        mod qdrant {
            $(#[tokio::test] async fn $test() {
                super::$test($crate::vector::tests::fixture::place(
                    $crate::vector::tests::fixture::Kind::Qdrant).await).await;
            })*
        }
    };
}
pub(super) use on_both;

/// An empty collection.
pub(super) async fn place(kind: Kind) -> Place {
    match kind {
        Kind::Embedded => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("docs");
            let options = EmbeddedOptions::default();
            let index = EmbeddedIndex::open(path, identity("docs"), options)
                .await
                .unwrap();
            Place {
                index: Box::new(index),
                _folder: Some(folder),
                _server: None,
            }
        }
        Kind::Qdrant => {
            let (options, server) = server().await;
            let index = QdrantIndex::open(&options, identity(&fresh_name()))
                .await
                .unwrap();
            Place {
                index: Box::new(index),
                _folder: None,
                _server: server,
            }
        }
    }
}

/// The Qdrant server that the environment names, or a stand-in.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the tests' environment"
)]
pub(super) async fn server() -> (QdrantOptions, Option<StandIn>) {
    match std::env::var("PENSTOCK_TEST_QDRANT_URL") {
        Ok(url) => (QdrantOptions::new(url), None),
        Err(_) => {
            let server = StandIn::start().await;
            (QdrantOptions::new(server.url()), Some(server))
        }
    }
}

/// A name that no other test uses, on a server that outlives this run as well.
pub(super) fn fresh_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("penstock-test-{}-{number}", uuid::Uuid::now_v7())
}

pub(super) fn identity(name: &str) -> CollectionIdentity {
    CollectionIdentity {
        name: name.to_owned(),
        encoder: "minilm".to_owned(),
        dimension: DIMENSION,
    }
}

pub(super) fn point(id: &str, text: &str, vector: [f32; DIMENSION], metadata: Value) -> Point {
    let Value::Object(metadata) = metadata else {
        panic!("metadata is an object");
    };
    Point {
        id: id.to_owned(),
        text: text.to_owned(),
        metadata,
        vector: vector.to_vec(),
    }
}

/// Five passages about a river, a mill and a bank, in two languages.
pub(super) fn passages() -> Vec<Point> {
    vec![
        point(
            "river",
            "The river turns the wheel.",
            [1.0, 0.0, 0.0, 0.0],
            json!({"lang": "en", "year": 1990, "tags": ["water", "motion"], "draft": false}),
        ),
        point(
            "mill",
            "The mill grinds corn; its wheel is old, and a wheel wears.",
            [0.8, 0.6, 0.0, 0.0],
            json!({"lang": "en", "year": 2001, "tags": ["corn"], "author": {"name": "Ann"}}),
        ),
        point(
            "bank",
            "A bank lends money.",
            [0.0, 0.0, 1.0, 0.0],
            json!({"lang": "en", "year": 2020.5, "draft": true}),
        ),
        point(
            "fluss",
            "Der Fluss dreht das Rad.",
            [0.9, 0.0, 0.1, 0.0],
            json!({"lang": "de", "year": -3, "tags": []}),
        ),
        point(
            "plain",
            "Nothing is known of it",
            [0.0, 0.0, 0.0, 1.0],
            json!({"lang": null}),
        ),
    ]
}

pub(super) fn near(vector: [f32; DIMENSION]) -> Near {
    Near {
        vector: vector.to_vec(),
        score_threshold: None,
    }
}

pub(super) fn ask(query: Query, limit: usize) -> SearchRequest {
    SearchRequest {
        query,
        filter: None,
        limit,
    }
}

pub(super) fn ids(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.record.id.as_str()).collect()
}

/// All ids that pass a filter, sorted, read in pages of two.
pub(super) async fn scrolled(index: &dyn VectorIndex, filter: Option<Filter>) -> Vec<String> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let request = ScrollRequest {
            filter: filter.clone(),
            after,
            limit: 2,
        };
        let page = index.scroll(request).await.unwrap();
        assert!(page.records.len() <= 2);
        found.extend(page.records.into_iter().map(|record| record.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    found.sort_unstable();
    found
}

pub(super) fn metadata(value: Value) -> Metadata {
    match value {
        Value::Object(metadata) => metadata,
        other => panic!("metadata is an object, not {other}"),
    }
}
