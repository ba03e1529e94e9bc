//! Every condition, written as in Qdrant, and the passages that pass it.

use serde_json::{Value, json};

use super::fixture::{Place, on_both, passages, scrolled};
use crate::vector::Filter;

on_both!(every_condition_holds_where_it_should);

#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn every_condition_holds_where_it_should(place: Place) {
    place.index.upsert(passages()).await.unwrap();
    let key = |key: &str, what: Value| {
        let mut condition = json!({"key": key});
        condition
            .as_object_mut()
            .unwrap()
            .extend(what.as_object().unwrap().clone());
        condition
    };
    let lang = |value: &str| key("lang", json!({"match": {"value": value}}));
    let year = |range: Value| key("year", json!({"range": range}));
    let cases: Vec<(Value, &[&str])> = vec![
        (json!({}), &["bank", "fluss", "mill", "plain", "river"]),
        (json!({"must": [lang("en")]}), &["bank", "mill", "river"]),
        (json!({"must": [lang("EN")]}), &[]),
        (
            json!({"must": [key("lang", json!({"match": {"any": ["de", "fr"]}}))]}),
            &["fluss"],
        ),
        (
            json!({"must": [key("lang", json!({"match": {"any": []}}))]}),
            &[],
        ),
        (
            json!({"must": [key("year", json!({"match": {"any": [1990, 2001, 7]}}))]}),
            &["mill", "river"],
        ),
        (
            json!({"must": [key("year", json!({"match": {"value": 1990}}))]}),
            &["river"],
        ),
        (
            json!({"must": [key("draft", json!({"match": {"value": false}}))]}),
            &["river"],
        ),
        // A list passes by one of its elements.
        (
            json!({"must": [key("tags", json!({"match": {"value": "motion"}}))]}),
            &["river"],
        ),
        (
            json!({"must": [key("tags", json!({"match": {"any": ["corn", "water"]}}))]}),
            &["mill", "river"],
        ),
        (
            json!({"must": [key("author.name", json!({"match": {"value": "Ann"}}))]}),
            &["mill"],
        ),
        (
            json!({"must": [year(json!({"gte": 1990, "lt": 2001}))]}),
            &["river"],
        ),
        (
            json!({"must": [year(json!({"gt": 1990, "lte": 2020.5}))]}),
            &["bank", "mill"],
        ),
        (json!({"must": [year(json!({"lt": 0}))]}), &["fluss"]),
        (json!({"must": [year(json!({"gt": 5, "lt": 4}))]}), &[]),
        (
            json!({"must": [key("lang", json!({"range": {"gt": 0}}))]}),
            &[],
        ),
        (
            json!({"must": [{"is_empty": {"key": "tags"}}]}),
            &["bank", "fluss", "plain"],
        ),
        (
            json!({"must_not": [{"is_empty": {"key": "lang"}}]}),
            &["bank", "fluss", "mill", "river"],
        ),
        (json!({"must_not": [lang("en")]}), &["fluss", "plain"]),
        (
            json!({"should": [lang("de"), year(json!({"gt": 2010}))]}),
            &["bank", "fluss"],
        ),
        (
            json!({"must": [lang("en")], "should": [year(json!({"gt": 2000}))], "must_not": [key("draft", json!({"match": {"value": true}}))]}),
            &["mill"],
        ),
        (
            json!({"must": [{"should": [lang("de"), {"must": [lang("en"), year(json!({"lt": 2000}))]}]}]}),
            &["fluss", "river"],
        ),
        (
            json!({"must": [key("no.such", json!({"match": {"value": 1}}))]}),
            &[],
        ),
    ];
    for (written, expected) in cases {
        let filter: Filter = serde_json::from_value(written.clone()).unwrap();
        let again: Filter = serde_json::from_value(serde_json::to_value(&filter).unwrap()).unwrap();
        assert_eq!(again, filter, "{written}");
        let count = place.index.count(Some(filter.clone())).await.unwrap();
        assert_eq!(count, expected.len(), "{written}");
        assert_eq!(
            scrolled(&*place.index, Some(filter)).await,
            expected,
            "{written}"
        );
    }
}
