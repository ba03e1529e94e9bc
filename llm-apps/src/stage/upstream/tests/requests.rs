//! What a provider is sent.

use serde_json::{Value, json};

use super::stand_in::*;
use crate::stage::Call;
use crate::stage::generate::{GenerateInput, GenerateOptions};
use crate::stage::upstream::{MaxTokensField, Secret, UpstreamOptions};

/// The head of the only request, and its body.
async fn sent(provider: Provider) -> (String, Value) {
    let requests = provider.requests().await;
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn what_nobody_set_is_left_to_the_provider() {
    let provider = Provider::answering([head() + &says("Hi") + &ends("stop")]).await;
    let options = UpstreamOptions {
        headers: vec![("X-Team".to_owned(), Secret::new("blue"))],
        ..provider.options()
    };
    assert_eq!(answer_of(options).await.unwrap(), "Hi");
    let (head, body) = sent(provider).await;
    assert!(
        head.starts_with("post /v1/chat/completions http/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains(&format!("\r\nauthorization: bearer {KEY}")),
        "{head}"
    );
    assert!(head.contains("\r\nx-team: blue"), "{head}");
    assert!(
        head.contains("\r\ncontent-type: application/json"),
        "{head}"
    );
    let expected = json!({
        "model": "gpt-4o-mini", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "Hi"}],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn what_the_stage_says_is_sent_and_what_its_client_wishes_before_it() {
    let provider = Provider::answering([head() + &ends("stop")]).await;
    let stage = GenerateOptions {
        max_tokens: Some(50),
        stop: vec!["\n\n".to_owned()],
        temperature: Some(0.2),
        top_k: Some(40),
        min_p: Some(0.05),
        repetition_penalty: Some(1.1),
        presence_penalty: Some(0.5),
        ..GenerateOptions::new("gpt")
    };
    let mut payload = asking();
    payload.set(
        "request",
        json!({"temperature": 0.7, "max_tokens": 90, "stop": ["END"], "seed": 3, "top_p": 0.9}),
    );
    let mut answered = ask(provider.options(), stage.clone(), payload, &Call::new("1"))
        .await
        .unwrap();
    assert_eq!(answered.take_answer().unwrap().text().await.unwrap(), "");
    let (_, body) = sent(provider).await;
    for (name, value) in [
        ("max_tokens", json!(50)),
        ("stop", json!(["\n\n", "END"])),
        ("seed", json!(3)),
        ("temperature", json!(0.7)),
        ("top_p", json!(0.9)),
        ("top_k", json!(40)),
        ("min_p", json!(0.05)),
        ("repetition_penalty", json!(1.1)),
        ("presence_penalty", json!(0.5)),
        ("frequency_penalty", Value::Null),
    ] {
        assert_eq!(body[name], value, "{name}");
    }

    // Another variable than the answer is none of the client's business.
    let provider = Provider::answering([head() + &says("short") + &ends("stop")]).await;
    let stage = GenerateOptions {
        output: "summary".to_owned(),
        ..stage
    };
    let mut payload = asking();
    payload.set("request", json!({"temperature": 0.7}));
    let options = UpstreamOptions {
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        ..provider.options()
    };
    let answered = ask(options, stage, payload, &Call::new("1")).await.unwrap();
    assert_eq!(answered.text("summary").unwrap(), "short");
    let (_, body) = sent(provider).await;
    assert_eq!(body["temperature"], json!(0.2));
    assert_eq!(
        (&body["max_tokens"], &body["max_completion_tokens"]),
        (&Value::Null, &json!(50))
    );
}

#[tokio::test]
async fn a_text_to_go_on_with_is_a_completion() {
    let pieces = [" upon", " a time"].map(|text| {
        frame(&json!({"choices": [{"index": 0, "text": text, "finish_reason": null}]}))
    });
    let end = frame(&json!({"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}));
    let provider = Provider::answering([head() + &pieces.concat() + &end]).await;
    let stage = GenerateOptions {
        input: GenerateInput::Prompt("prompt".to_owned()),
        ..GenerateOptions::new("gpt")
    };
    let mut payload = ask(provider.options(), stage, asking(), &Call::new("1"))
        .await
        .unwrap();
    let text = payload.take_answer().unwrap().text().await.unwrap();
    assert_eq!(text, " upon a time");
    let (head, body) = sent(provider).await;
    assert!(head.starts_with("post /v1/completions "), "{head}");
    assert_eq!(
        (&body["prompt"], &body["messages"]),
        (&json!("Once"), &Value::Null)
    );
}
