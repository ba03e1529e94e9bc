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
    match outcome.unwrap_err() {
        ApiError::Invalid { message, param, .. } => (param, message),
        other => panic!("not a fault of the request: {other:?}"),
    }
}

#[test]
fn a_chat_with_a_fault_is_told_where() {
    let parts = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    for (more, param, words) in [
        (json!({"model": null}), "model", "required"),
        (json!({"model": 3}), "model", "expected a string"),
        (json!({"messages": null}), "messages", "required"),
        (json!({"messages": []}), "messages", "empty"),
        (json!({"messages": "Hi"}), "messages", "invalid type: string"),
        (json!({"messages": [{"content": "Hi"}]}), "messages[0]", "role"),
        (json!({"messages": [{"role": "king", "content": "Hi"}]}), "messages[0].role", "king"),
        (json!({"messages": [{"role": "user"}]}), "messages[0].content", "required"),
        (json!({"messages": [{"role": "user", "content": 5}]}), "messages[0].content", "string or"),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages[0].tool_call_id",
            "required",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x",
                                 "tool_calls": [{"function": {"name": "f"}}]}]}),
            "messages[0].tool_calls",
            "only the assistant",
        ),
        (
            parts(json!({"type": "image_url", "image_url": {"url": "data:"}})),
            "messages[0].content[0].image_url",
            "read text",
        ),
        (
            parts(json!({"type": "input_audio", "input_audio": {}})),
            "messages[0].content[0].input_audio",
            "read text",
        ),
        (parts(json!({"type": "smell", "text": "x"})), "messages[0].content[0].type", "smell"),
        (parts(json!({"type": "text"})), "messages[0].content[0]", "text"),
        (json!({"tools": [{"type": "function"}]}), "tools", "does not call tools"),
        (json!({"tool_choice": "auto"}), "tool_choice", "\"none\""),
        (json!({"tool_choice": {"type": "function"}}), "tool_choice", "\"none\""),
        (json!({"response_format": {"type": "json_object"}}), "response_format", "constrain"),
        (json!({"modalities": ["text", "audio"]}), "modalities", "answer with text"),
        (json!({"store": true}), "store", "keeps no answers"),
        (json!({"service_tier": "flex"}), "service_tier", "one tier"),
        (json!({"prediction": {}}), "prediction", "predicted"),
        (json!({"web_search_options": {}}), "web_search_options", "search"),
        (json!({"guided_json": {}}), "guided_json", "constrain"),
        (json!({"temperature": "hot"}), "temperature", "invalid type"),
        (json!({"max_tokens": -1}), "max_tokens", "-1"),
        (json!({"max_tokens": 1.5}), "max_tokens", "1.5"),
        (json!({"max_tokens": 5_000_000_000_u64}), "max_tokens", "5000000000"),
        (json!({"max_tokens": 1, "max_completion_tokens": 2}), "max_tokens", "set one"),
        (json!({"n": 0}), "n", "from 1 to 128"),
        (json!({"n": 129}), "n", "from 1 to 128"),
        (json!({"top_k": -2}), "top_k", "-2"),
        (json!({"logprobs": 3}), "logprobs", "expected a boolean"),
        (json!({"top_logprobs": 3}), "top_logprobs", "needs logprobs"),
        (json!({"logit_bias": {"x": 1}}), "logit_bias", "\"x\""),
        (json!({"logit_bias": {"1": "x"}}), "logit_bias.1", "number"),
        (json!({"logit_bias": [1]}), "logit_bias", "invalid type"),
        (json!({"seed": 1.5}), "seed", "64-bit integer"),
        (json!({"stop": [""]}), "stop", "stop[0] is empty"),
        (json!({"stop": vec!["x"; 17]}), "stop", "16"),
        (json!({"stop": ["a", 2]}), "stop[1]", "expected a string"),
        (json!({"stop_token_ids": vec![1; 1025]}), "stop_token_ids", "1024"),
        (json!({"stream": "yes"}), "stream", "expected a boolean"),
        (json!({"stream_options": {}}), "stream_options", "only allowed when stream"),
        (
            json!({"stream": true, "stream_options": {"include_usage": 1}}),
            "stream_options.include_usage",
            "expected a boolean",
        ),
        (json!({"stream": true, "prompt_logprobs": 1}), "prompt_logprobs", "stream"),
        (
            json!({"add_generation_prompt": true, "continue_final_message": true}),
            "continue_final_message",
            "both",
        ),
    ] {
        let (found, message) = fault(chat_request(&chat_with(more.clone()), LENIENT));
        assert_eq!(found.as_deref(), Some(param), "{more}: {message}");
        assert!(message.contains(words), "{more}: {message}");
    }
}

#[test]
fn a_completion_with_a_fault_is_told_where() {
    for (body, param, words) in [
        (json!({"model": "m"}), "prompt", "required"),
        (json!({"prompt": "x"}), "model", "required"),
        (json!({"model": "m", "prompt": "x", "suffix": "y"}), "suffix", "middle"),
        (json!({"model": "m", "prompt": "x", "best_of": 2}), "best_of", "set it to n"),
        (json!({"model": "m", "prompt": "x", "logprobs": 21}), "logprobs", "from 0 to 20"),
        (json!({"model": "m", "prompt": "x", "logprobs": true}), "logprobs", "invalid type"),
        (json!({"model": "m", "prompt": ["x", "y"], "n": 65}), "prompt", "130 answers"),
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
        (json!({"prompt": "x", "messages": [{"role": "user", "content": "y"}]}), "messages"),
        (json!({"prompt": 1}), "prompt"),
    ] {
        let (found, message) = fault(tokenize_request(body.to_string().as_bytes(), LENIENT));
        assert_eq!(found.as_deref(), Some(param), "{body}: {message}");
    }
}
