//! What both stores refuse, with the same words.

use serde_json::{Value, json};

use super::fixture::{
    DIMENSION, Kind, Place, ask, fresh_name, identity, metadata, near, on_both, place, point,
    server,
};
use crate::vector::{
    CollectionIdentity, Condition, Filter, Near, Point, QdrantIndex, QdrantOptions, Query,
    ScrollRequest, VectorError,
};

on_both!(
    points_that_cannot_be_stored,
    requests_that_cannot_be_answered
);

async fn points_that_cannot_be_stored(place: Place) {
    let good = || point("a", "text", [1.0, 0.0, 0.0, 0.0], json!({}));
    let vector = |vector: Vec<f32>| Point { vector, ..good() };
    let cases = [
        (
            Point {
                id: String::new(),
                ..good()
            },
            "point \"\": an id has from 1 to 512 bytes, but this has 0",
        ),
        (
            Point {
                id: "x".repeat(513),
                ..good()
            },
            "an id has from 1 to 512 bytes, but this has 513",
        ),
        (
            Point {
                text: "x".repeat((1 << 20) + 1),
                ..good()
            },
            "point \"a\": the text has 1048577 bytes",
        ),
        (
            vector(vec![1.0; DIMENSION + 1]),
            "the vector has 5 numbers, but those of the collection have 4",
        ),
        (
            vector(vec![0.0; DIMENSION]),
            "the vector is all zeros and has no direction",
        ),
        (
            vector(vec![0.0, f32::NAN, 0.0, 0.0]),
            "number 1 of the vector is NaN",
        ),
        (
            Point {
                metadata: metadata(json!({"_id": 1})),
                ..good()
            },
            "the metadata key \"_id\" begins with `_`, which is kept for our own",
        ),
        (
            Point {
                metadata: metadata(json!({"k": "x".repeat(70_000)})),
                ..good()
            },
            "bytes, but at most 65536 are stored",
        ),
    ];
    for (bad, why) in cases {
        let error = place.index.upsert(vec![good(), bad]).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.may_retry());
    }
    assert_eq!(place.index.count(None).await.unwrap(), 0, "all or none");
}

async fn requests_that_cannot_be_answered(place: Place) {
    let index = &*place.index;
    let vector = [1.0, 0.0, 0.0, 0.0];
    let cases = [
        (
            ask(Query::Dense(near(vector)), 0),
            "limit must be from 1 to 1000, but is 0",
        ),
        (
            ask(Query::Dense(near(vector)), 1001),
            "limit must be from 1 to 1000, but is 1001",
        ),
        (
            ask(
                Query::Dense(Near {
                    vector: vec![1.0],
                    score_threshold: None,
                }),
                1,
            ),
            "the question cannot be searched for: the vector has 1 numbers",
        ),
        (
            ask(
                Query::Dense(Near {
                    score_threshold: Some(1.5),
                    ..near(vector)
                }),
                1,
            ),
            "score_threshold is a cosine similarity from -1 to 1, but is 1.5",
        ),
    ];
    for (request, why) in cases {
        let error = index.search(request).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let deep = (0..9).fold(Filter::default(), |inner, _| {
        Filter::must([Condition::Nested(inner)])
    });
    let many = Condition::Match {
        key: "k".to_owned(),
        values: crate::vector::Match::Any(vec![crate::vector::Scalar::Integer(1); 5000]),
    };
    let cases = [
        (deep, "filters are nested more than 8 deep"),
        (
            Filter::must([many]),
            "it has more than 4096 conditions and values",
        ),
        (
            Filter::must([Condition::equals("", 1_i64)]),
            "a key has from 1 to 256 bytes, but one has 0",
        ),
        (
            Filter::must([Condition::equals("_text", "x")]),
            "begins with `_`",
        ),
        (
            Filter::must([Condition::equals("a[].b", "x")]),
            "holds a bracket or quote",
        ),
    ];
    for (filter, why) in cases {
        let error = index.count(Some(filter.clone())).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        let request = ScrollRequest {
            filter: Some(filter),
            after: None,
            limit: 1,
        };
        assert!(index.scroll(request).await.is_err());
    }
}

#[test]
fn a_condition_that_is_none_says_what_one_is() {
    for written in [
        json!({"must": [{}]}),
        json!({"must": [{"key": "a"}]}),
        json!({"must": [{"key": "a", "match": {"value": 1}, "range": {"gt": 1}}]}),
        json!({"must": [{"match": {"value": 1}}]}),
        json!({"must": [{"is_empty": {"key": "a"}, "should": []}]}),
        json!({"must": [{"key": "a", "match": {"value": 1.5}}]}),
        json!({"musts": []}),
        json!({"must": [{"key": "a", "range": {"from": 1}}]}),
    ] {
        let read: Result<Filter, _> = serde_json::from_value::<Filter>(written.clone());
        assert!(read.is_err(), "{written}");
    }
    let none: Value = json!({"must": [{"key": "a"}]});
    let error = serde_json::from_value::<Filter>(none)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a condition is `key` with `match` or `range`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    let options = QdrantOptions {
        timeout: std::time::Duration::from_secs(2),
        ..QdrantOptions::new("http://127.0.0.1:9")
    };
    let error = QdrantIndex::open(&options, identity("docs"))
        .await
        .unwrap_err();
    assert!(error.may_retry(), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("collection docs on http://127.0.0.1:9: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_s_collection_of_another_encoder_is_refused() {
    let (options, _server) = server().await;
    let name = fresh_name();
    let ours = identity(&name);
    QdrantIndex::open(&options, ours.clone()).await.unwrap();
    QdrantIndex::open(&options, ours.clone()).await.unwrap();
    for (encoder, dimension) in [("e5", DIMENSION), ("minilm", 8)] {
        let other = CollectionIdentity {
            encoder: encoder.to_owned(),
            dimension,
            ..ours.clone()
        };
        let error = QdrantIndex::open(&options, other).await.unwrap_err();
        let expected = format!(
            "collection {name} was made with minilm (4), but {encoder} ({dimension}) is asked for"
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(matches!(error, VectorError::Encoder { .. }));
    }
}

#[test]
fn options_do_not_show_the_key() {
    let options = QdrantOptions {
        api_key: Some("secret".to_owned()),
        ..QdrantOptions::new("http://localhost:6334")
    };
    assert!(!format!("{options:?}").contains("secret"));
}

#[tokio::test]
async fn one_call_brings_a_bounded_number() {
    let place = place(Kind::Embedded).await;
    let ids = (0..10_001).map(|id| id.to_string()).collect();
    let error = place.index.delete(ids).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "one call may bring 10000 points, but this one has 10001"
    );
}
