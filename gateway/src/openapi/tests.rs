//! The document has what the router has, and the fields that the tables have.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document;
use super::operations::OPERATIONS;

/// The router's own text: axum does not list its routes.
const ROUTER: &str = include_str!("../routes/router.rs");

/// Method and path of every route.
fn routes() -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    let calls = ROUTER.split(".route(").skip(1);
    for call in calls {
        let path = call.split('"').nth(1).unwrap().replace("{*", "{");
        let rest = call
            .split_once(&format!("\"{}\"", call.split('"').nth(1).unwrap()))
            .unwrap()
            .1;
        let handlers = rest.split(".route").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                all.insert((method.to_owned(), path.clone()));
            }
        }
    }
    all
}

#[test]
fn every_route_is_in_the_document_and_the_reverse() {
    let routes = routes();
    assert!(routes.len() > 15, "{routes:?}");
    let described = OPERATIONS
        .iter()
        .map(|o| (o.method.to_owned(), o.path.to_owned()));
    assert_eq!(described.collect::<BTreeSet<_>>(), routes);
}

#[test]
fn honoured_fields_are_described_and_refused_ones_are_not() {
    let document = document();
    let body = |path: &str| {
        document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
            .clone()
    };
    let chat = body("/v1/chat/completions");
    assert_eq!(chat["required"], serde_json::json!(["model", "messages"]));
    assert_eq!(chat["properties"]["logprobs"]["type"], "boolean");
    let message = &chat["properties"]["messages"]["items"]["properties"];
    assert_eq!(message["role"]["type"], "string");
    let parts = &message["content"]["anyOf"][1]["items"]["properties"];
    assert_eq!(parts["text"]["type"], "string");
    assert!(parts.get("image_url").is_none() && chat["properties"].get("modalities").is_none());
    assert_eq!(
        body("/v1/completions")["properties"]["logprobs"]["type"],
        "integer"
    );
    let user = &body("/v1/embeddings")["properties"]["user"]["description"];
    assert_eq!(*user, "No effect: the server keeps no record of users.");
}

#[test]
fn every_answer_that_is_named_is_there() {
    let document = document();
    fn references(value: &Value, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    match inner.as_str().filter(|_| name == "$ref") {
                        Some(reference) => drop(all.insert(reference.to_owned())),
                        None => references(inner, all),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, all)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut all = BTreeSet::new();
    references(&document, &mut all);
    assert!(all.len() > 15, "{all:?}");
    for reference in all {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
