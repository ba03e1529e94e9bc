//! Lookups in a collection of this machine, with an encoder whose vectors can be told by looking.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::EncodeError;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::{FilterTemplate, LookupBy, LookupNear, LookupOptions, LookupStage, LookupVector};
use crate::payload::{Kind, Passage, Payload};
use crate::stage::{Call, Stage, StageError};
use crate::vector::{
    CollectionIdentity, EmbeddedIndex, EmbeddedOptions, Point, TextEncoder, VectorIndex,
};

/// One number a word: `sea`, `mill`, and all others.
#[derive(Debug)]
struct Words {
    /// Texts encoded so far.
    encoded: AtomicUsize,
    /// Calls that must be there before one is answered.
    together: Barrier,
}

impl TextEncoder for Words {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EncodeError>> {
        async move {
            self.together.wait().await;
            self.encoded.fetch_add(texts.len(), Ordering::Relaxed);
            let vector = |text: &String| {
                let has = |word: &str| if text.contains(word) { 1.0 } else { 0.0 };
                vec![has("sea"), has("mill"), 0.1]
            };
            Ok(texts.iter().map(vector).collect())
        }
        .boxed()
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        Ok(text.split_whitespace().count())
    }
}

struct Place {
    index: Arc<dyn VectorIndex>,
    words: Arc<Words>,
    _folder: tempfile::TempDir,
}

impl Place {
    /// `together`: calls of the encoder that must be there before one is answered.
    async fn new(together: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = CollectionIdentity {
            name: "docs".to_owned(),
            encoder: "words".to_owned(),
            dimension: 3,
        };
        let options = EmbeddedOptions::default();
        let index = EmbeddedIndex::open(folder.path().join("docs"), identity, options);
        let index = index.await.unwrap();
        let point = |id: &str, text: &str, vector: [f32; 3], metadata: Value| Point {
            id: id.to_owned(),
            text: text.to_owned(),
            metadata: metadata.as_object().unwrap().clone(),
            vector: vector.to_vec(),
        };
        let points = vec![
            point(
                "sea",
                "Ships sail.",
                [1.0, 0.0, 0.1],
                json!({"source": "sea.md", "lang": "en", "year": 1990}),
            ),
            point(
                "mill",
                "Corn is ground.",
                [0.0, 1.0, 0.1],
                json!({"source": "mill.md", "lang": "en", "year": 2001, "headings": ["Mills"]}),
            ),
            point(
                "rad",
                "Das Rad der Windmühle dreht sich.",
                [0.1, 0.9, 0.1],
                json!({"lang": "de", "year": 2010}),
            ),
        ];
        index.upsert(points).await.unwrap();
        Self {
            index: Arc::new(index),
            words: Arc::new(Words {
                encoded: 0.into(),
                together: Barrier::new(together),
            }),
            _folder: folder,
        }
    }

    fn stage(&self, options: LookupOptions) -> LookupStage {
        let (index, words) = (Arc::clone(&self.index), Arc::clone(&self.words));
        LookupStage::new(options, index, words)
    }

    async fn look_up(
        &self,
        options: LookupOptions,
        variables: Value,
    ) -> Result<Vec<Passage>, StageError> {
        let payload = Payload::of(variables.as_object().unwrap().clone());
        let call = Call::new("r");
        let found = self.stage(options).call(payload, &call).await?;
        Ok(found.read("passages").unwrap())
    }
}

fn near(vector: LookupVector) -> LookupNear {
    LookupNear {
        vector,
        score_threshold: None,
    }
}

fn of_question() -> LookupNear {
    near(LookupVector::Of("question".to_owned()))
}

fn options(by: LookupBy) -> LookupOptions {
    LookupOptions {
        collection: "docs".to_owned(),
        by,
        filter: None,
        top_k: 5,
        output: "passages".to_owned(),
    }
}

fn filtered(filter: &Value) -> LookupOptions {
    LookupOptions {
        filter: Some(FilterTemplate::new(filter).unwrap()),
        ..options(LookupBy::Dense(of_question()))
    }
}

fn ids(passages: &[Passage]) -> Vec<&str> {
    passages.iter().map(|passage| passage.id.as_str()).collect()
}

#[tokio::test]
async fn passages_say_where_they_are_from_and_how_well_they_fit() {
    let place = Place::new(1).await;
    let found = place
        .look_up(
            options(LookupBy::Dense(of_question())),
            json!({"question": "a mill"}),
        )
        .await
        .unwrap();
    assert_eq!(ids(&found), ["mill", "rad", "sea"]);
    assert_eq!(
        (found[0].source.as_str(), found[0].text.as_str()),
        ("mill.md", "Corn is ground.")
    );
    assert!((found[0].score - 1.0).abs() < 0.02, "{}", found[0].score);
    assert_eq!(
        Value::Object(found[0].metadata.clone()),
        json!({"lang": "en", "year": 2001, "headings": ["Mills"]})
    );
    assert_eq!(found[1].source, "", "nobody said where it is from");
}

#[tokio::test]
async fn meaning_words_and_both_find_what_each_can() {
    let place = Place::new(1).await;
    let words = || "question".to_owned();
    let thresholded = || LookupNear {
        score_threshold: Some(0.9),
        ..of_question()
    };
    // "Das" stands in one text only, which means something else.
    let asked = json!({"question": "Das sea"});
    for (by, expected) in [
        (LookupBy::Dense(thresholded()), &["sea"][..]),
        (LookupBy::Sparse(words()), &["rad"]),
        (LookupBy::Hybrid(thresholded(), words()), &["rad", "sea"]),
    ] {
        let found = place.look_up(options(by.clone()), asked.clone()).await;
        let found = found.unwrap();
        let mut found = ids(&found);
        found.sort_unstable();
        assert_eq!(found, expected, "{by:?}");
    }
    assert_eq!(
        place.words.encoded.load(Ordering::Relaxed),
        2,
        "words alone need no vector"
    );
}

#[tokio::test]
async fn a_vector_that_is_there_is_not_made_again() {
    let place = Place::new(1).await;
    let given = || {
        options(LookupBy::Dense(near(LookupVector::Variable(
            "v".to_owned(),
        ))))
    };
    let found = place.look_up(given(), json!({"v": [1.0, 0.0, 0.0]})).await;
    assert_eq!(ids(&found.unwrap())[0], "sea");
    assert_eq!(place.words.encoded.load(Ordering::Relaxed), 0);
    for (vector, said) in [
        (
            json!([1.0]),
            "1 numbers, but those of the collection have 3",
        ),
        (json!([0.0, 0.0, 0.0]), "all zeros"),
        (json!("text"), "`v` must be"),
        (json!([[1.0]]), "`v` must be"),
    ] {
        let error = place.look_up(given(), json!({"v": vector})).await;
        let StageError::Invalid { message, param } = error.unwrap_err() else {
            panic!("{vector} is the request's fault")
        };
        assert!(message.contains(said), "{message}");
        assert_eq!(param.as_deref(), Some("v"));
    }
}

#[tokio::test]
async fn a_filter_takes_its_values_from_variables() {
    let place = Place::new(1).await;
    let by_request = json!({"must": [
        {"key": "lang", "match": {"value": "{{ request.lang }}"}},
        {"key": "year", "range": {"gte": "{{ since }}"}},
        {"key": "lang", "match": {"any": "{{ langs }}"}},
    ]});
    let ask = |lang: Value, since: Value, langs: Value| json!({"question": "mill", "request": {"lang": lang}, "since": since, "langs": langs});
    let found = |variables| place.look_up(filtered(&by_request), variables);
    let all = json!(["en", "de"]);
    let some = found(ask(json!("en"), json!(2000), all.clone())).await;
    assert_eq!(ids(&some.unwrap()), ["mill"]);
    let none = found(ask(json!("de"), json!(2000), json!(["en"]))).await;
    assert_eq!(ids(&none.unwrap()), Vec::<&str>::new());
    // A text stays a value, whatever is written in it.
    let quoted = json!("en\"}}, {{ question }}");
    let none = found(ask(quoted, json!(2000), all.clone())).await;
    assert_eq!(ids(&none.unwrap()), Vec::<&str>::new());

    for (variables, said) in [
        (ask(json!("en"), json!("soon"), all.clone()), "f64"),
        (
            ask(json!({"a": 1}), json!(1), all),
            "what is matched is a text",
        ),
        (ask(json!("en"), json!(1), json!(null)), "null"),
        (
            json!({"question": "mill", "since": 1, "langs": [], "request": {}}),
            "undefined",
        ),
    ] {
        let StageError::Invalid { message, param } = found(variables).await.unwrap_err() else {
            panic!("{said} is the request's fault")
        };
        assert!(
            message.starts_with("the filter cannot be made of ") && message.contains(said),
            "{message}"
        );
        assert!(param.is_some());
    }
}

#[test]
fn a_filter_that_is_none_is_refused_when_it_is_written() {
    for (filter, said) in [
        (json!({"mst": []}), "unknown field `mst`"),
        (
            json!(["must"]),
            "a filter has `must`, `should` or `must_not`",
        ),
        (json!({"must": [{"key": "a"}]}), "a condition is `key` with"),
        (
            json!({"must": [{"key": "a", "match": {"value": 0.5}}]}),
            "what is matched is a text, a whole number, true or false",
        ),
        (json!({"must": [{"key": "a", "range": {}}]}), "has no bound"),
        (
            json!({"must": [{"key": "{{ a }}", "match": {"value": 1}}]}),
            "`{{ a }}` stands where no variable may",
        ),
        (
            json!({"must": "{{ conditions }}"}),
            "stands where no variable may",
        ),
        (
            json!({"must": [{"key": "a", "range": {"gt": "{{ a }}1"}}]}),
            "stands where no variable may",
        ),
        (
            json!({"must": [{"key": "a", "match": {"value": "{{ a"}}]}),
            "is no Jinja template",
        ),
        (
            json!({"must": [{"key": "_id", "match": {"value": "a"}}]}),
            "begins with `_`",
        ),
    ] {
        let fault = FilterTemplate::new(&filter).unwrap_err().to_string();
        assert!(fault.contains(said), "{fault}");
    }
}

#[test]
fn it_reads_what_its_search_and_its_filter_do() {
    let filter = json!({"must": [{"key": "lang", "match": {"value": "{{ lang }}"}}]});
    let near = near(LookupVector::Variable("v".to_owned()));
    let both = LookupOptions {
        by: LookupBy::Hybrid(near, "question".to_owned()),
        ..filtered(&filter)
    };
    let signature = both.signature();
    let reads: Vec<_> = signature.reads.iter().collect();
    let named = |name: &str| name.to_owned();
    assert_eq!(
        reads,
        [
            (&named("lang"), &Kind::Any),
            (&named("question"), &Kind::Text),
            (&named("v"), &Kind::List)
        ]
    );
    assert_eq!(signature.writes["passages"], Kind::Passages);
}

#[tokio::test]
async fn lookups_of_many_requests_are_encoded_together() {
    // The encoder answers none before all eight are there: each of two stages sends on what comes while
    // another waits.
    let place = Place::new(8).await;
    let stages = [0, 1].map(|_| place.stage(options(LookupBy::Dense(of_question()))));
    let call = Call::new("r");
    let asked = (0..8).map(|n| {
        let variables = json!({"question": if n < 4 { "sea" } else { "mill" }});
        let payload = Payload::of(variables.as_object().unwrap().clone());
        stages[n % 2].call(payload, &call)
    });
    for (n, found) in join_all(asked).await.into_iter().enumerate() {
        let passages: Vec<Passage> = found.unwrap().read("passages").unwrap();
        assert_eq!(passages[0].id, if n < 4 { "sea" } else { "mill" });
    }
}
