//! Chat completions in one piece.

use serde_json::{Value, json};

use crate::fixture::{ALIAS, MODEL, Server, drawing, question, saying};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn an_answer_has_openais_shape_to_the_last_field() {
    let server = Server::start(saying("Hello, you")).await;
    let answer = server.ask(CHAT, question(json!({"temperature": 0}))).await;
    let prompt_tokens = "<|user\nHi|>\n<|assistant\n".len() - "<||><|".len() + 3;
    assert_eq!(
        answer,
        json!({
            "id": "chatcmpl-0123456789ab4def8123456789abcdef",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": MODEL,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": "Hello, you", "refusal": null},
                "logprobs": null,
                "finish_reason": "stop",
            }],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": 11,
                "total_tokens": prompt_tokens + 11,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 0,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            },
            "system_fingerprint": concat!("penstock-", env!("CARGO_PKG_VERSION")),
        })
    );
}

#[tokio::test]
async fn limits_and_stops_end_an_answer() {
    let server = Server::start(saying("one two three")).await;
    for (more, text, reason) in [
        (json!({"max_tokens": 5}), "one t", "length"),
        (json!({"max_completion_tokens": 5}), "one t", "length"),
        (json!({"stop": " tw"}), "one", "stop"),
        (json!({"stop": ["x", "three"]}), "one two ", "stop"),
        (
            json!({"stop": "two", "include_stop_str_in_output": true}),
            "one two",
            "stop",
        ),
        (
            json!({"stop_token_ids": [u32::from(b'w')]}),
            "one t",
            "stop",
        ),
        (json!({"max_tokens": 0}), "", "length"),
        (
            json!({"ignore_eos": true, "max_tokens": 14, "skip_special_tokens": false}),
            "one two three<|im_end|>",
            "length",
        ),
        (json!({}), "one two three", "stop"),
    ] {
        let mut body = question(more.clone());
        body["temperature"] = json!(0);
        let choice = &server.ask(CHAT, body).await["choices"][0];
        assert_eq!(choice["message"]["content"], text, "{more}");
        assert_eq!(choice["finish_reason"], reason, "{more}");
    }
}

#[tokio::test]
async fn without_a_limit_an_answer_fills_the_context() {
    let server = Server::start(drawing()).await;
    let body = question(json!({"ignore_eos": true}));
    let answer = server.ask(CHAT, body).await;
    assert_eq!(
        answer["usage"]["total_tokens"],
        crate::fixture::MAX_MODEL_LEN
    );
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn a_seed_brings_the_same_choices_back() {
    let server = Server::start(drawing()).await;
    let ask = |seed: Value| {
        let body = question(json!({"n": 3, "seed": seed, "max_tokens": 24, "temperature": 1}));
        server.ask(CHAT, body)
    };
    let texts = |answer: &Value| -> Vec<Value> {
        let choices = answer["choices"].as_array().unwrap();
        assert_eq!(
            choices.iter().map(|c| &c["index"]).collect::<Vec<_>>(),
            [0, 1, 2]
        );
        choices
            .iter()
            .map(|c| c["message"]["content"].clone())
            .collect()
    };
    let first = ask(json!(7)).await;
    assert_eq!(texts(&first), texts(&ask(json!(7)).await));
    assert_ne!(texts(&first), texts(&ask(json!(-7)).await));
    assert_ne!(texts(&first)[0], texts(&first)[1]);
    let usage = &first["usage"];
    assert!(usage["completion_tokens"].as_u64().unwrap() <= 72);
    assert_eq!(
        usage["prompt_tokens"],
        ask(json!(7)).await["usage"]["prompt_tokens"]
    );
}

#[tokio::test]
async fn log_probabilities_go_with_the_tokens() {
    let server = Server::start(drawing()).await;
    let more = json!({"logprobs": true, "top_logprobs": 2, "max_tokens": 8, "ignore_eos": true,
                      "prompt_logprobs": 1, "skip_special_tokens": false, "seed": 1});
    let answer = server.ask(CHAT, question(more)).await;
    let content = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap();
    assert_eq!(content.len(), 8);
    assert_eq!(answer["choices"][0]["logprobs"]["refusal"], json!(null));
    for token in content {
        let logprob = token["logprob"].as_f64().unwrap();
        let top = token["top_logprobs"].as_array().unwrap();
        assert_eq!(top.len(), 2);
        assert!(logprob <= top[0]["logprob"].as_f64().unwrap() && logprob < 0.0);
        assert!(token["bytes"].as_array().is_some_and(|b| !b.is_empty()));
    }
    let prompt = answer["prompt_logprobs"].as_array().unwrap();
    assert_eq!(
        prompt.len() as u64,
        answer["usage"]["prompt_tokens"].as_u64().unwrap()
    );
    assert_eq!(prompt[0], json!(null));
    let second = prompt[1].as_object().unwrap();
    assert!(
        second.len() == 1 || second.len() == 2,
        "the likeliest, and the token itself"
    );
    assert!(
        second
            .values()
            .all(|t| t["rank"].as_u64() >= Some(1) && t["decoded_token"].is_string())
    );
}

#[tokio::test]
async fn a_repeated_prompt_is_found_in_the_cache() {
    let server = Server::start(saying("yes")).await;
    let mut long = json!({"messages": [{"role": "user", "content": "a".repeat(100)}]});
    let first = server.ask(CHAT, long.clone()).await;
    let second = server.ask(CHAT, long.clone()).await;
    let cached =
        |answer: &Value| answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64();
    assert_eq!(cached(&first), Some(0));
    assert!(cached(&second) >= Some(96), "{second}");
    long["stop"] = json!("e");
    long["temperature"] = json!(0);
    let stopped = server.ask(CHAT, long).await;
    assert_eq!(stopped["choices"][0]["message"]["content"], "y");
    assert_eq!(cached(&stopped), cached(&second), "{stopped}");
}

#[tokio::test]
async fn an_alias_answers_under_the_models_own_name() {
    let server = Server::start(saying("yes")).await;
    let answer = server.ask(CHAT, question(json!({"model": ALIAS}))).await;
    assert_eq!(answer["model"], MODEL);
}

#[tokio::test]
async fn a_body_without_a_content_type_is_read_as_json() {
    let server = Server::start(saying("yes")).await;
    let body = question(json!({"model": MODEL})).to_string();
    let url = format!("{}{CHAT}", server.url);
    let response = server.client.post(url).body(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
}
