//! Anthropic's API over the same models: answers whole and as events, counting, and errors in its own shape.

use serde_json::{Value, json};

use crate::fixture::{MAX_MODEL_LEN, MODEL, Server, drawing, new_state, saying, text_model};

/// Path, what is set beside the usual fields, status, type, and words of the message.
type Row = (String, Value, u16, String, String);

fn asked(more: &Value) -> Value {
    let mut body = json!({
        "model": MODEL,
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0,
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Name and data of each event.
fn events(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty());
    let event = |block: &str| {
        let (name, data) = block.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        let data = data.strip_prefix("data: ").unwrap();
        (name, serde_json::from_str(data).unwrap())
    };
    blocks.map(event).collect()
}

#[tokio::test]
async fn a_message_is_answered() {
    let server = Server::start(saying("Hello")).await;
    let answer = server.ask("/v1/messages", asked(&json!({}))).await;
    assert!(
        answer["id"].as_str().unwrap().starts_with("msg_"),
        "{answer}"
    );
    assert_eq!(
        (&answer["type"], &answer["role"]),
        (&json!("message"), &json!("assistant"))
    );
    assert_eq!(
        answer["content"],
        json!([{"type": "text", "text": "Hello"}])
    );
    assert_eq!(
        (&answer["stop_reason"], &answer["stop_sequence"]),
        (&json!("end_turn"), &Value::Null)
    );
    assert_eq!(answer["usage"]["output_tokens"], 6);

    // What was counted is what is read, cached or not.
    let mut body = asked(&json!({}));
    body.as_object_mut().unwrap().remove("max_tokens");
    body.as_object_mut().unwrap().remove("temperature");
    let counted = server.ask("/v1/messages/count_tokens", body).await;
    let read = |name: &str| answer["usage"][name].as_u64().unwrap();
    assert_eq!(
        counted,
        json!({"input_tokens": read("input_tokens") + read("cache_read_input_tokens")})
    );
}

#[tokio::test]
async fn why_it_stopped_is_told() {
    let server = Server::start(saying("Hello, world")).await;
    let cut = server
        .ask("/v1/messages", asked(&json!({"max_tokens": 3})))
        .await;
    assert_eq!(cut["content"][0]["text"], "Hel");
    assert_eq!(cut["stop_reason"], "max_tokens");
    let stopped = server
        .ask(
            "/v1/messages",
            asked(&json!({"stop_sequences": ["x", "lo,"]})),
        )
        .await;
    assert_eq!(stopped["content"][0]["text"], "Hel");
    assert_eq!(
        (&stopped["stop_reason"], &stopped["stop_sequence"]),
        (&json!("stop_sequence"), &json!("lo,"))
    );
}

#[tokio::test]
async fn a_conversation_reaches_the_template_as_its_chat_does() {
    let server = Server::start(saying("x")).await;
    let count = async |path: &str, body: Value| {
        let answer = server.ask(path, body).await;
        answer
            .get("count")
            .or_else(|| answer.get("input_tokens"))
            .unwrap()
            .as_u64()
            .unwrap()
    };
    let blocks =
        json!([{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]);
    let turns = json!([
        {"role": "user", "content": [{"type": "text", "text": "One"}]},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "Three"},
        {"role": "user", "content": "Four"},
    ]);
    let chat = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": [{"type": "text", "text": "Three"}, {"type": "text", "text": "Four"}]},
    ]);
    let theirs = count("/tokenize", json!({"messages": chat})).await;
    for system in [json!("Be brief."), blocks] {
        let body = json!({"system": system, "messages": turns});
        assert_eq!(count("/v1/messages/count_tokens", body).await, theirs);
    }
    // A last message of the assistant's is continued.
    let open = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
    let continued = json!({"messages": open, "continue_final_message": true});
    let theirs = count("/tokenize", continued).await;
    assert_eq!(
        count("/v1/messages/count_tokens", json!({"messages": open})).await,
        theirs
    );
}

#[tokio::test]
async fn events_come_in_order() {
    let server = Server::start(saying("Hey")).await;
    let response = server
        .send("/v1/messages", asked(&json!({"stream": true})))
        .await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(
        response.headers()["request-id"],
        response.headers()["x-request-id"]
    );
    let text = response.text().await.unwrap();
    let events = events(&text);
    assert!(
        events
            .iter()
            .all(|(name, data)| data["type"] == name.as_str()),
        "{text}"
    );
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    let deltas = names
        .iter()
        .filter(|name| **name == "content_block_delta")
        .count();
    let mut expected = vec!["message_start", "content_block_start", "ping"];
    expected.extend(vec!["content_block_delta"; deltas]);
    expected.extend(["content_block_stop", "message_delta", "message_stop"]);
    assert_eq!(names, expected);

    let message = &events[0].1["message"];
    assert_eq!(
        (&message["content"], &message["stop_reason"]),
        (&json!([]), &Value::Null)
    );
    assert!(
        message["usage"]["input_tokens"].as_u64().unwrap() > 0,
        "{message}"
    );
    assert_eq!(
        events[1].1["content_block"],
        json!({"type": "text", "text": ""})
    );
    let said = events
        .iter()
        .filter_map(|(_, data)| data["delta"]["text"].as_str());
    assert_eq!(said.collect::<String>(), "Hey");
    let ended = &events[events.len() - 2].1;
    assert_eq!(
        ended["delta"],
        json!({"stop_reason": "end_turn", "stop_sequence": null})
    );
    assert_eq!(ended["usage"]["output_tokens"], 4);
}

#[tokio::test]
async fn a_failure_in_the_middle_is_an_event() {
    let mut steps = 0;
    let fake = drawing().on_step(move |_| {
        steps += 1;
        if steps > 3 {
            let why = "out of order".to_owned();
            return Err(engine::ModelError::Plan { why });
        }
        Ok(())
    });
    let server = Server::start(fake).await;
    let body = asked(&json!({"stream": true, "max_tokens": 200}));
    let text = server
        .send("/v1/messages", body)
        .await
        .text()
        .await
        .unwrap();
    let events = events(&text);
    assert_eq!(events[0].0, "message_start", "{text}");
    let (name, data) = events.last().unwrap();
    assert_eq!(name, "error", "{text}");
    assert_eq!(
        (&data["type"], &data["error"]["type"]),
        (&json!("error"), &json!("api_error"))
    );
}

#[tokio::test]
async fn errors_have_anthropic_s_shape_on_its_paths() {
    let server = Server::start(saying("yes")).await;
    let table = include_str!("messages.json").replace("LONG", &"a".repeat(MAX_MODEL_LEN));
    let table: Vec<Row> = serde_json::from_str(&table).unwrap();
    for (path, more, status, kind, words) in table {
        let body = asked(&more);
        let response = server
            .post(&path, &body)
            .header("x-api-key", "k")
            .header("anthropic-version", "2023-06-01");
        let response = response.send().await.unwrap();
        assert!(response.headers().contains_key("request-id"));
        assert_eq!(response.status().as_u16(), status, "{body}");
        let told: Value = response.json().await.unwrap();
        assert_eq!(
            (&told["type"], &told["error"]["type"]),
            (&json!("error"), &json!(kind)),
            "{body}: {told}"
        );
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains(&words), "{body}: {message}");
    }
    let response = server.get("/v1/messages").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 405);
    let told: Value = response.json().await.unwrap();
    assert_eq!(told["error"]["type"], "invalid_request_error");
    // Elsewhere they have OpenAI's.
    let other = server.send("/v1/messages_of_mine", json!({})).await;
    let told: Value = other.json().await.unwrap();
    assert_eq!(told["error"]["code"], "unknown_url");
}

#[tokio::test]
async fn a_server_that_loads_says_so_in_its_words() {
    let state = new_state(gateway::GatewayConfig::default());
    let server = Server::of(state, text_model(saying("x"))).await;
    let response = server.send("/v1/messages", asked(&json!({}))).await;
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let told: Value = response.json().await.unwrap();
    assert_eq!(told["error"]["type"], "overloaded_error");
}
