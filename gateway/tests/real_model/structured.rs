//! Answers of a given form, from the real model: at temperature 1, so that nothing but the form makes them
//! valid.

use reqwest::Client;
use serde_json::{Map, Value, json};

use crate::server::{MODEL, Server, root};

async fn post(server: &Server, path: &str, body: &Value) -> (u16, String) {
    let url = format!("{}{path}", server.url);
    let response = Client::new().post(url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The answer's text and why it ended.
async fn ask(server: &Server, more: &Value) -> (String, String) {
    let (status, text) = post(server, "/v1/chat/completions", &with(more)).await;
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let choice = &answer["choices"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&choice["message"]["content"]),
        text(&choice["finish_reason"]),
    )
}

async fn ask_streamed(server: &Server, more: &Value) -> (String, String) {
    let mut body = with(more);
    body["stream"] = json!(true);
    let (status, frames) = post(server, "/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{frames}");
    let (mut text, mut reason) = (String::new(), String::new());
    for frame in frames
        .lines()
        .filter_map(|line| line.strip_prefix("data: {"))
    {
        let chunk: Value = serde_json::from_str(&format!("{{{frame}")).unwrap();
        let choice = &chunk["choices"][0];
        text.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        reason.push_str(choice["finish_reason"].as_str().unwrap_or_default());
    }
    (text, reason)
}

fn with(more: &Value) -> Value {
    let mut body = json!({
        "model": MODEL, "messages": [{"role": "user", "content": "Answer."}],
        "temperature": 1, "max_tokens": 300,
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

fn schema_request(case: &Value, seed: u64) -> Value {
    json!({
        "messages": [{"role": "user", "content": case["ask"]}],
        "response_format": {"type": "json_schema", "json_schema": {
            "name": "answer", "strict": true, "schema": case["schema"],
        }},
        "seed": seed,
    })
}

#[tokio::test]
async fn every_answer_fits_its_schema() {
    let server = Server::start("");
    let cases = std::fs::read_to_string(root().join("loadtest/structured/schemas.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
    assert_eq!(cases.len(), 10);
    for case in &cases {
        let validator = jsonschema::validator_for(&case["schema"]).unwrap();
        let (one, two) = (schema_request(case, 1), schema_request(case, 2));
        let (first, second, streamed) = tokio::join!(
            ask(&server, &one),
            ask(&server, &two),
            ask_streamed(&server, &two)
        );
        assert_eq!(second, streamed, "a stream says the same");
        for (text, reason) in [first, second] {
            assert_eq!(reason, "stop", "{text}");
            let value: Value =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert!(validator.is_valid(&value), "{}: {text}", case["schema"]);
        }
    }
}

#[tokio::test]
async fn choices_expressions_and_grammars_are_kept() {
    let server = Server::start("");
    for (field, value, fits) in [
        (
            "structured_outputs",
            json!({"choice": ["red", "dark blue"]}),
            "^(red|dark blue)$",
        ),
        ("guided_choice", json!(["yes", "no"]), "^(yes|no)$"),
        (
            "guided_regex",
            json!("[0-9]{3}-[a-f]{2}"),
            "^[0-9]{3}-[a-f]{2}$",
        ),
        (
            "structured_outputs",
            json!({"regex": "(ab){1,3}c"}),
            "^(ab){1,3}c$",
        ),
        (
            "guided_grammar",
            json!("root ::= \"x\" [0-9]{2,4} \"!\""),
            "^x[0-9]{2,4}!$",
        ),
        (
            "structured_outputs",
            json!({"grammar": "start: \"a\" B\nB: /[bc]{3}/"}),
            "^a[bc]{3}$",
        ),
        (
            "guided_json",
            json!("{\"type\": \"integer\", \"minimum\": 10, \"maximum\": 99}"),
            "^[0-9]{2}$",
        ),
    ] {
        let pattern = jsonschema::validator_for(&json!({ "pattern": fits })).unwrap();
        let (text, reason) = ask(&server, &json!({ field: value, "seed": 3 })).await;
        assert_eq!(reason, "stop", "{text}");
        assert!(
            pattern.is_valid(&json!(text)),
            "{field}: {text:?} is not {fits}"
        );
    }
    let any = json!({"response_format": {"type": "json_object"}, "max_tokens": 5});
    let (text, reason) = ask(&server, &any).await;
    // Where it is cut it has begun, where it ends it is whole.
    let whole = serde_json::from_str::<Map<String, Value>>(&text).is_ok();
    let fits = match reason.as_str() {
        "stop" => whole,
        _ => text.starts_with('{') && !whole,
    };
    assert!(fits, "{text} {reason}");
}

#[tokio::test]
async fn forms_go_with_choices_scores_stops_and_completions() {
    let server = Server::start("");
    let body = json!({
        "model": MODEL, "prompt": "The number is", "temperature": 1, "seed": 5, "n": 3, "logprobs": 1,
        "guided_regex": " [1-9][0-9]{3}", "max_tokens": 20,
    });
    for _ in 0..2 {
        let (status, text) = post(&server, "/v1/completions", &body).await;
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        for choice in answer["choices"].as_array().unwrap() {
            let text = choice["text"].as_str().unwrap();
            assert!(
                text.len() == 5 && text[1..].parse::<u32>().unwrap() >= 1000,
                "{text:?}"
            );
            let scores = choice["logprobs"]["token_logprobs"].as_array().unwrap();
            assert!(!scores.is_empty() && scores.iter().all(|s| s.as_f64().unwrap() <= 0.0));
        }
    }
    let (text, reason) = ask(&server, &json!({"guided_regex": "(ab){9}", "stop": ["ba"]})).await;
    assert_eq!((text.as_str(), reason.as_str()), ("a", "stop"));
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_at_once() {
    let server = Server::start("");
    let wide: Value = (0..6000)
        .map(|i| (format!("p{i}"), json!({"type": "string"})))
        .collect();
    let base = "response_format.json_schema.schema";
    let schema = |schema: Value| json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}});
    for (more, param, words) in [
        (
            schema(
                json!({"type": "object", "properties": {"x": {"type": "string", "pattern": "(?=a)"}}}),
            ),
            format!("{base}.properties.x.pattern"),
            "pattern",
        ),
        (
            schema(json!({"not": {}})),
            format!("{base}.not"),
            "not supported",
        ),
        (
            schema(json!({"properties": wide})),
            base.to_owned(),
            "at most",
        ),
        (
            schema(json!({"$ref": "#/$defs/none"})),
            base.to_owned(),
            "none",
        ),
        (
            json!({"guided_regex": "a("}),
            "guided_regex".to_owned(),
            "regular expression",
        ),
        (
            json!({"guided_regex": "a", "guided_choice": ["b"]}),
            "guided_choice".to_owned(),
            "guided_regex and guided_choice",
        ),
        (
            json!({"structured_outputs": {}}),
            "structured_outputs".to_owned(),
            "needs one of",
        ),
        (
            json!({"guided_grammar": "start: nothing"}),
            "guided_grammar".to_owned(),
            "nothing",
        ),
    ] {
        let (status, text) = post(&server, "/v1/chat/completions", &with(&more)).await;
        assert_eq!(status, 400, "{text}");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(error["error"]["param"], param, "{text}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(words),
            "{text}"
        );
    }
}
