//! What a folder keeps, and how it answers when something is wrong with it.

use std::fs;
use std::path::Path;

use redb::{Database, ReadableTable as _};
use serde_json::json;

use crate::vector::embedded::tables::{META, VECTORS};
use crate::vector::{
    CollectionIdentity, Condition, EmbeddedIndex, EmbeddedOptions, Filter, Metadata, Near, Point,
    Query, SearchRequest, VectorError, VectorIndex,
};

async fn open(folder: &Path) -> Result<EmbeddedIndex, VectorError> {
    EmbeddedIndex::open(folder, identity("minilm", 2), EmbeddedOptions::default()).await
}

fn identity(encoder: &str, dimension: usize) -> CollectionIdentity {
    CollectionIdentity {
        name: "docs".to_owned(),
        encoder: encoder.to_owned(),
        dimension,
    }
}

fn point(id: usize) -> Point {
    let mut metadata = Metadata::new();
    metadata.insert("number".to_owned(), json!(id));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let x = id as f32;
    Point {
        id: format!("p{id:03}"),
        text: format!("passage {id} of all"),
        metadata,
        vector: vec![x, 1.0],
    }
}

async fn filled(folder: &Path) {
    let index = open(folder).await.unwrap();
    index.upsert((0..40).map(point).collect()).await.unwrap();
    index
        .delete(vec!["p007".to_owned(), "p039".to_owned()])
        .await
        .unwrap();
}

fn database(folder: &Path) -> Database {
    Database::open(folder.join("collection.redb")).unwrap()
}

#[tokio::test]
async fn a_collection_is_as_it_was_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let index = open(folder.path()).await.unwrap();
    assert_eq!(index.count(None).await.unwrap(), 38);
    let filter = Some(Filter::must([Condition::equals("number", 12_i64)]));
    assert_eq!(index.count(filter).await.unwrap(), 1);
    let search = |query| SearchRequest {
        query,
        filter: None,
        limit: 2,
    };
    let hits = index
        .search(search(Query::Sparse("31".to_owned())))
        .await
        .unwrap();
    assert_eq!(hits[0].record.id, "p031");
    let near = Near {
        vector: vec![0.0, 1.0],
        score_threshold: None,
    };
    let hits = index.search(search(Query::Dense(near))).await.unwrap();
    assert_eq!(
        (hits[0].record.id.as_str(), hits[1].record.id.as_str()),
        ("p000", "p001")
    );
    // The free places are found again, and taken first.
    index
        .upsert(vec![point(50), point(51), point(52)])
        .await
        .unwrap();
    assert_eq!(index.count(None).await.unwrap(), 41);
}

#[tokio::test]
async fn a_folder_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await.unwrap();
    let second = open(folder.path()).await.unwrap_err();
    assert!(matches!(second, VectorError::InUse { .. }) && second.may_retry());
    assert!(
        second
            .to_string()
            .contains("the collection is open elsewhere"),
        "{second}"
    );
    drop(first);
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn another_encoder_s_collection_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    for (encoder, dimension) in [("e5", 2), ("minilm", 3)] {
        let asked = identity(encoder, dimension);
        let options = EmbeddedOptions::default();
        let error = EmbeddedIndex::open(folder.path(), asked, options)
            .await
            .unwrap_err();
        let expected = format!(
            "collection docs was made with minilm (2), but {encoder} ({dimension}) is asked for; \
             vectors of two encoders cannot be compared, so ingest into a new collection"
        );
        assert_eq!(error.to_string(), expected);
    }
    for dimension in [0, 20_000] {
        let asked = identity("minilm", dimension);
        let error = EmbeddedIndex::open(folder.path(), asked, EmbeddedOptions::default()).await;
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("from 1 to 16384 numbers")
        );
    }
}

#[tokio::test]
async fn another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let database = database(folder.path());
    let write = database.begin_write().unwrap();
    let later = 9_u32.to_le_bytes();
    write
        .open_table(META)
        .unwrap()
        .insert("format", later.as_slice())
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let error = open(folder.path()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("has format 9, but this program reads format 1; ingest into a new folder"),
        "{error}"
    );
}

#[tokio::test]
async fn damage_is_found_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let database = database(folder.path());
    let write = database.begin_write().unwrap();
    {
        let mut vectors = write.open_table(VECTORS).unwrap();
        let mut bytes = vectors.get(5).unwrap().unwrap().value().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        vectors.insert(5, bytes.as_slice()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    let error = open(folder.path()).await.unwrap_err();
    assert!(matches!(error, VectorError::Corrupt { .. }));
    assert!(
        error
            .to_string()
            .contains("the vector at slot 5 is not what was written"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collection.redb");
    fs::write(
        &file,
        b"once upon a time, there was a file that no database had written",
    )
    .unwrap();
    let error = open(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(open(folder.path()).await.is_err());
}

#[tokio::test]
async fn a_full_collection_takes_no_more_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        max_points: 3,
        ..EmbeddedOptions::default()
    };
    let index = EmbeddedIndex::open(folder.path(), identity("minilm", 2), options)
        .await
        .unwrap();
    index.upsert((0..3).map(point).collect()).await.unwrap();
    let error = index.upsert(vec![point(1), point(3)]).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the collection is full: it may hold 3 points (`max_points`)"),
        "{error}"
    );
    assert_eq!(index.count(None).await.unwrap(), 3);
    index.upsert(vec![point(1)]).await.unwrap();
    index.delete(vec!["p000".to_owned()]).await.unwrap();
    index.upsert(vec![point(3)]).await.unwrap();
}
