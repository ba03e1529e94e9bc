//! What wrong requests are told: a table of body, field and the words that matter.

use serde_json::{Value, json};

use super::LENIENT;
use crate::error::ApiError;
use crate::openai::{Rules, chat_request, completion_request, tokenize_request};

/// A chat request with `more` put over it.
fn chat_with(more: Value) -> Vec<u8> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    if let Value::Object(fields) = more {
        for (name, value) in fields {
            body[name] = value;
        }
    }
    body.to_string().into_bytes()
}

fn fault<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> (Option<String>, String) {
    let error = outcome.unwrap_err();
    let ApiError::Invalid { message, param, .. } = error else {
        panic!("not a fault of the request: {error:?}");
    };
    (param, message)
}

#[test]
fn a_chat_with_a_fault_is_told_where() {
    let table: Vec<(Value, String, String)> =
        serde_json::from_str(include_str!("refused.json")).unwrap();
    for (more, param, words) in table {
        let (found, message) = fault(chat_request(&chat_with(more.clone()), LENIENT));
        assert_eq!(found, Some(param), "{more}: {message}");
        assert!(message.contains(&words), "{more}: {message}");
    }
}

#[test]
fn lists_that_are_read_for_every_token_are_short() {
    let biases: Value = (0..1025).map(|id| (id.to_string(), json!(1))).collect();
    for (field, list) in [
        ("stop_token_ids", json!(vec![1; 1025])),
        ("logit_bias", biases),
    ] {
        let (found, message) = fault(chat_request(&chat_with(json!({ field: list })), LENIENT));
        assert_eq!(found.as_deref(), Some(field));
        assert!(message.contains("1024"), "{message}");
    }
}

#[test]
fn a_completion_with_a_fault_is_told_where() {
    for (body, param, words) in [
        (json!({"model": "m"}), "prompt", "required"),
        (json!({"prompt": "x"}), "model", "required"),
        (
            json!({"model": "m", "prompt": "x", "suffix": "y"}),
            "suffix",
            "middle",
        ),
        (
            json!({"model": "m", "prompt": "x", "best_of": 2}),
            "best_of",
            "set it to n",
        ),
        (
            json!({"model": "m", "prompt": "x", "logprobs": 21}),
            "logprobs",
            "from 0 to 20",
        ),
        (
            json!({"model": "m", "prompt": "x", "logprobs": true}),
            "logprobs",
            "must be a whole number",
        ),
        (
            json!({"model": "m", "prompt": ["x", "y"], "n": 65}),
            "prompt",
            "130 answers",
        ),
    ] {
        let (found, message) = fault(completion_request(body.to_string().as_bytes(), LENIENT));
        assert_eq!(found.as_deref(), Some(param), "{body}: {message}");
        assert!(message.contains(words), "{body}: {message}");
    }
}

#[test]
fn what_is_not_a_json_object_is_told_so() {
    for (body, words) in [
        (&b""[..], "line 1 column 0"),
        (b"{\"model\": \"m\",\n }", "line 2 column 2"),
        (b"\xff\xfe", "invalid JSON"),
        (b"[1]", "must be a JSON object, but is a list"),
        (b"null", "must be a JSON object, but is null"),
        (&b"[".repeat(100_000), "recursion limit"),
    ] {
        let (param, message) = fault(chat_request(body, LENIENT));
        assert_eq!(param, None);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_strict_server_refuses_unknown_fields() {
    let strict = Rules {
        strict: true,
        ..LENIENT
    };
    let body = chat_with(json!({"messages": [{"role": "user", "content": "x", "colour": 1}]}));
    let (param, message) = fault(chat_request(&body, strict));
    assert_eq!(param.as_deref(), Some("messages[0].colour"));
    assert!(message.contains("unknown field"), "{message}");
    assert!(chat_request(&chat_with(json!({})), strict).is_ok());
}

#[test]
fn an_error_does_not_repeat_a_whole_body() {
    let body = chat_with(json!({"temperature": "x".repeat(100_000)}));
    let (_, message) = fault(chat_request(&body, LENIENT));
    assert!(message.len() < 1000, "{} bytes", message.len());
}

#[test]
fn tokenize_wants_one_text() {
    for (body, param) in [
        (json!({}), "prompt"),
        (
            json!({"prompt": "x", "messages": [{"role": "user", "content": "y"}]}),
            "messages",
        ),
        (json!({"prompt": 1}), "prompt"),
    ] {
        let (found, message) = fault(tokenize_request(body.to_string().as_bytes(), LENIENT));
        assert_eq!(found.as_deref(), Some(param), "{body}: {message}");
    }
}
