//! Thoughts before answers, from a model whose template has their tags.

use std::sync::Arc;

use llm_apps::reasoning::ReasoningFormat;
use serde_json::{Value, json};

use crate::fixture::{Server, chunks, new_state, question, saying, text_model};

const CHAT: &str = "/v1/chat/completions";
const SAID: &str = "<think>\nHm: a < b.\n</think>\n\nYes.";

async fn thinking(said: &str) -> Server {
    let model = text_model(saying(said)).with_reasoning_format(Some(ReasoningFormat::Think));
    let state = new_state(gateway::GatewayConfig::default());
    state.serve(vec![model.clone()], []).unwrap();
    Server::of(Arc::clone(&state), model).await
}

/// Thought, content and details of usage, as a client puts them together.
async fn streamed(server: &Server, mut body: Value) -> (String, String, Value) {
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let text = server.send(CHAT, body).await.text().await.unwrap();
    let chunks = chunks(&text);
    let joined = |field: &str| -> String {
        let deltas = chunks.iter().map(|c| &c["choices"][0]["delta"][field]);
        deltas.filter_map(Value::as_str).collect()
    };
    // What was cached differs.
    let usage = chunks.last().unwrap()["usage"]["completion_tokens_details"].clone();
    (joined("reasoning_content"), joined("content"), usage)
}

#[tokio::test]
async fn a_thought_is_told_apart_whole_and_streamed() {
    let server = thinking(SAID).await;
    let body = question(json!({"temperature": 0}));
    let answer = server.ask(CHAT, body.clone()).await;
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["reasoning_content"], "Hm: a < b.");
    assert_eq!(message["content"], "Yes.");
    // A byte a token.
    let thought = SAID.find("</think>").unwrap() + "</think>".len();
    let details = &answer["usage"]["completion_tokens_details"];
    assert_eq!(details["reasoning_tokens"], thought);
    let (reasoning, content, usage) = streamed(&server, body).await;
    assert_eq!(
        (reasoning.as_str(), content.as_str()),
        ("Hm: a < b.", "Yes.")
    );
    assert_eq!(usage, answer["usage"]["completion_tokens_details"]);
}

#[tokio::test]
async fn a_thought_is_left_out_where_it_is_not_wanted() {
    let server = thinking(SAID).await;
    let body = question(json!({"temperature": 0, "include_reasoning": false}));
    let answer = server.ask(CHAT, body.clone()).await;
    let message = &answer["choices"][0]["message"];
    assert!(message.get("reasoning_content").is_none());
    assert_eq!(message["content"], "Yes.");
    let (reasoning, content, usage) = streamed(&server, body).await;
    assert_eq!((reasoning.as_str(), content.as_str()), ("", "Yes."));
    assert_eq!(usage, answer["usage"]["completion_tokens_details"]);
}

#[tokio::test]
async fn without_tags_in_the_template_nothing_is_told_apart() {
    let server = Server::start(saying(SAID)).await;
    let answer = server.ask(CHAT, question(json!({"temperature": 0}))).await;
    assert_eq!(answer["choices"][0]["message"]["content"], SAID);
}

#[tokio::test]
async fn a_form_applies_behind_the_thought() {
    let said = "<think>I may say what I like.</think>\n\nnothing of the form";
    let server = thinking(said).await;
    let body = question(json!({"temperature": 0, "guided_choice": ["no", "nothing"]}));
    let answer = server.ask(CHAT, body).await;
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["reasoning_content"], "I may say what I like.");
    assert_eq!(message["content"], "nothing");
}

#[tokio::test]
async fn a_call_follows_a_thought() {
    let said = "<think>Now.</think>\n<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
    let model = text_model(crate::fixture::scripted(
        crate::fixture::drawing_up_to(4096),
        said,
    ))
    .with_reasoning_format(Some(ReasoningFormat::Think));
    let state = new_state(gateway::GatewayConfig::default());
    state.serve(vec![model.clone()], []).unwrap();
    let server = Server::of(state, model).await;
    for choice in ["auto", "required"] {
        let body = question(json!({
            "temperature": 0, "tool_choice": choice,
            "tools": [{"type": "function", "function": {"name": "now"}}],
        }));
        let answer = server.ask(CHAT, body).await;
        let message = &answer["choices"][0]["message"];
        assert_eq!(message["reasoning_content"], "Now.");
        assert_eq!(message["content"], json!(null), "{choice}: {answer}");
        assert_eq!(message["tool_calls"][0]["function"]["name"], "now");
    }
}
