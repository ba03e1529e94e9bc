//! Calls of tools, from a model that says what it is told and from one whose every token is drawn.

use engine::testing::FakeModel;
use serde_json::{Value, json};

use crate::fixture::{Server, chunks, drawing_up_to, question, scripted};

const CHAT: &str = "/v1/chat/completions";

/// Tools in a prompt of bytes take some room.
fn drawing() -> FakeModel {
    drawing_up_to(8192)
}

fn saying(text: &str) -> FakeModel {
    scripted(drawing(), text)
}

fn tools() -> Value {
    json!([
        {"type": "function", "function": {
            "name": "get_weather", "description": "The weather of a city.",
            "parameters": {"type": "object", "properties": {
                "city": {"type": "string", "maxLength": 8},
                "days": {"type": "integer", "minimum": 1, "maximum": 9},
                "unit": {"enum": ["c", "f"]},
            }, "required": ["city", "unit"]},
        }},
        {"type": "function", "function": {"name": "now"}},
    ])
}

fn asking(more: Value) -> Value {
    let mut body = question(json!({"temperature": 0, "tools": tools()}));
    if let Value::Object(fields) = more {
        for (name, value) in fields {
            body[name] = value;
        }
    }
    body
}

/// A choice as a client puts it together from a stream: its message, and why it ended.
fn assembled(chunks: &[Value], index: u64) -> (Value, Value) {
    let (mut content, mut calls, mut reason) = (String::new(), Vec::<Value>::new(), Value::Null);
    let of_choice = chunks.iter().flat_map(|c| c["choices"].as_array().unwrap());
    for choice in of_choice.filter(|c| c["index"] == index) {
        content.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        for call in choice["delta"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            let function = &call["function"];
            if at == calls.len() {
                assert_eq!(function["arguments"], "");
                calls.push(json!({
                    "id": call["id"], "type": call["type"],
                    "function": {"name": function["name"], "arguments": ""},
                }));
                continue;
            }
            assert!(call.get("id").is_none() && function.get("name").is_none());
            let so_far = calls[at]["function"]["arguments"].as_str().unwrap();
            let more = format!("{so_far}{}", function["arguments"].as_str().unwrap());
            calls[at]["function"]["arguments"] = json!(more);
        }
        if !choice["finish_reason"].is_null() {
            reason = choice["finish_reason"].clone();
        }
    }
    let content = match (content.as_str(), calls.is_empty()) {
        ("", false) => Value::Null,
        _ => Value::String(content),
    };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    (message, reason)
}

async fn streamed(server: &Server, body: &Value) -> Vec<Value> {
    let mut body = body.clone();
    body["stream"] = json!(true);
    let response = server.send(CHAT, body).await;
    let text = response.text().await.unwrap();
    chunks(&text)
}

#[tokio::test]
async fn a_call_is_told_in_openais_shape_and_streamed_the_same() {
    let said = "I look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Pa}\", \"unit\": \"c\"}}\n\
                </tool_call>\n<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
    let server = Server::start(saying(said)).await;
    let body = asking(json!({}));
    let answer = server.ask(CHAT, body.clone()).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let message = &choice["message"];
    assert_eq!(message["content"], "I look.");
    let calls = message["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0]["type"], "function");
    assert_eq!(
        calls[0]["function"],
        json!({"name": "get_weather", "arguments": "{\"city\": \"Pa}\", \"unit\": \"c\"}"})
    );
    assert_eq!(
        calls[1]["function"],
        json!({"name": "now", "arguments": "{}"})
    );
    let ids: Vec<_> = calls.iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.starts_with("call_")));
    // The ids of answers are the same in this server, and so are those of their calls.
    let (streamed, reason) = assembled(&streamed(&server, &body).await, 0);
    assert_eq!((&streamed, reason), (message, json!("tool_calls")));
}

#[tokio::test]
async fn what_is_no_call_is_content() {
    for said in [
        "<tool_call>nothing</tool_call>",
        "<tool_call>{\"name\": \"nobody\", \"arguments\": {}}</tool_call>",
        "plain words <tool",
    ] {
        let server = Server::start(saying(said)).await;
        let body = asking(json!({}));
        let choice = server.ask(CHAT, body.clone()).await["choices"][0].clone();
        assert_eq!(choice["message"]["content"], said);
        assert_eq!(choice["finish_reason"], "stop");
        assert!(choice["message"].get("tool_calls").is_none());
        assert_eq!(
            assembled(&streamed(&server, &body).await, 0).0,
            choice["message"]
        );
    }
}

#[tokio::test]
async fn without_tools_or_with_none_nothing_is_read() {
    let said = "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
    let server = Server::start(saying(said)).await;
    for more in [json!({"tools": []}), json!({"tool_choice": "none"})] {
        let answer = server.ask(CHAT, asking(more)).await;
        assert_eq!(answer["choices"][0]["message"]["content"], said);
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    }
}

#[tokio::test]
async fn a_limit_within_a_call_is_said() {
    let said = "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"a\": \"bcdefgh";
    let server = Server::start(saying(said)).await;
    let body = asking(json!({"max_tokens": said.len() - 3}));
    let choice = server.ask(CHAT, body).await["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "length");
    let arguments = &choice["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(arguments, "{\"a\": \"bcde");
}

/// Every token is drawn at random, so nothing but the form makes calls of them.
#[tokio::test]
async fn required_and_named_calls_are_valid_whatever_the_model() {
    let server = Server::start(drawing()).await;
    let parameters = tools()[0]["function"]["parameters"].clone();
    let validator = jsonschema::validator_for(&parameters).unwrap();
    let named = json!({"type": "function", "function": {"name": "get_weather"}});
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
        {"type": "function", "function": {"name": "get_weather"}}]}});
    let mut counts = Vec::new();
    for (choice, most) in [(json!("required"), 16), (named, 1), (allowed, 16)] {
        for seed in 0..4 {
            let body = asking(json!({
                "tool_choice": choice, "seed": seed, "temperature": 1, "n": 2, "logprobs": true,
            }));
            let answer = server.ask(CHAT, body.clone()).await;
            let chunks = streamed(&server, &body).await;
            for index in 0..2 {
                let told = &answer["choices"][index];
                let (streamed, reason) = assembled(&chunks, index as u64);
                let whole = |message: &Value| {
                    let calls = message["tool_calls"].as_array().unwrap();
                    calls
                        .iter()
                        .map(|c| c["function"].clone())
                        .collect::<Vec<_>>()
                };
                assert_eq!(whole(&told["message"]), whole(&streamed), "{choice} {seed}");
                assert_eq!(reason, told["finish_reason"]);
                let scored = told["logprobs"]["content"].as_array().unwrap().len();
                let of_choice = chunks.iter().flat_map(|c| c["choices"].as_array().unwrap());
                let in_chunks: usize = of_choice
                    .filter(|c| c["index"] == index as u64)
                    .filter_map(|c| c["logprobs"]["content"].as_array().map(Vec::len))
                    .sum();
                assert_eq!(scored, in_chunks);
                assert_eq!(told["message"]["content"], json!(null));
                let mut calls = whole(&told["message"]);
                counts.push(calls.len());
                if reason == "length" {
                    calls.pop();
                } else {
                    assert_eq!(reason, "tool_calls");
                }
                assert!(calls.len() <= most);
                for call in calls {
                    let arguments = call["arguments"].as_str().unwrap();
                    let arguments: Value = serde_json::from_str(arguments).unwrap();
                    if call["name"] == "get_weather" {
                        assert!(validator.is_valid(&arguments), "{arguments}");
                    } else {
                        assert_eq!((&call["name"], arguments), (&json!("now"), json!({})));
                    }
                }
            }
        }
    }
    assert!(counts.iter().any(|&count| count > 1), "{counts:?}");
}

#[tokio::test]
async fn one_call_is_made_where_calls_are_not_parallel() {
    let server = Server::start(drawing()).await;
    for seed in 0..4 {
        let body = asking(json!({
            "tool_choice": "required", "parallel_tool_calls": false, "seed": seed, "temperature": 1,
        }));
        let answer = server.ask(CHAT, body).await;
        let calls = &answer["choices"][0]["message"]["tool_calls"];
        assert_eq!(calls.as_array().unwrap().len(), 1, "{answer}");
    }
    // What the model would say behind the first call is not even generated.
    let said = "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>\
                <tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
    let server = Server::start(saying(said)).await;
    let answer = server
        .ask(CHAT, asking(json!({"parallel_tool_calls": false})))
        .await;
    let calls = &answer["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls.as_array().unwrap().len(), 1, "{answer}");
}

/// Text is free until the mark of a call; from there on nothing but the call can be said.
#[tokio::test]
async fn a_strict_call_keeps_to_its_schema_where_the_model_chooses() {
    let mut strict = tools();
    strict[0]["function"]["strict"] = json!(true);
    let begins =
        "So: <tool_call>{\"name\": \"get_weather\", \"arguments\": {\"town\": 1}}</tool_call>";
    let server = Server::start(saying(begins)).await;
    let loose = server.ask(CHAT, asking(json!({}))).await;
    let arguments = &loose["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(arguments, "{\"town\": 1}");
    let body = asking(json!({"tools": strict, "max_tokens": 200}));
    let answer = server.ask(CHAT, body).await;
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "So:", "{answer}");
    let arguments = message["tool_calls"][0]["function"]["arguments"]
        .as_str()
        .unwrap();
    assert!(arguments.starts_with("{\"city\""), "{arguments}");
}

#[tokio::test]
async fn a_form_holds_answers_without_a_call() {
    let form = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {
        "type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["n"], "additionalProperties": false}}});
    let server = Server::start(drawing()).await;
    let (mut called, mut formed) = (0, 0);
    for seed in 0..24 {
        let body = asking(json!({"response_format": form, "temperature": 1, "seed": seed}));
        let choice = server.ask(CHAT, body).await["choices"][0].clone();
        match choice["message"]["content"].as_str() {
            None => called += 1,
            Some(text) => {
                let value: Value = serde_json::from_str(text).unwrap();
                assert!((1..=9).contains(&value["n"].as_u64().unwrap()));
                formed += 1;
            }
        }
    }
    assert!(called > 0 && formed > 0, "{called} {formed}");
}

#[tokio::test]
async fn schemas_that_cannot_be_kept_are_refused_where_they_would_be() {
    let server = Server::start(saying("Hi")).await;
    let tools = |strict: bool| {
        json!([{"type": "function", "function": {"name": "f", "strict": strict, "parameters": {
            "type": "object", "properties": {"a": {"not": {}}}}}}])
    };
    for (more, status) in [
        (json!({"tools": tools(false)}), 200),
        (json!({"tools": tools(true)}), 400),
        (
            json!({"tools": tools(false), "tool_choice": "required"}),
            400,
        ),
    ] {
        let response = server.send(CHAT, asking(more.clone())).await;
        assert_eq!(response.status().as_u16(), status, "{more}");
        let told: Value = response.json().await.unwrap();
        if status == 400 {
            let param = "tools[0].function.parameters.properties.a.not";
            assert_eq!(told["error"]["param"], param, "{told}");
        }
    }
}

/// This model's template knows no tools, so they are told in the system's words.
#[tokio::test]
async fn tools_calls_and_results_reach_a_template_that_knows_none() {
    let server = Server::start(saying("Hi")).await;
    let read = async |body: Value| {
        let tokens = server.ask("/tokenize", body).await["tokens"].clone();
        let text = server.ask("/detokenize", json!({"tokens": tokens})).await;
        text["prompt"].as_str().unwrap().to_owned()
    };
    let messages = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "now", "arguments": "{\"x\": 1}"}},
            {"id": "b", "type": "function", "function": {"name": "now", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "noon"},
        {"role": "tool", "tool_call_id": "b", "content": "night"},
    ]);
    let text = read(json!({"messages": messages, "tools": tools()})).await;
    for words in [
        "Be brief.\n\nYou may call functions",
        "\"name\":\"get_weather\"",
        "<tool_call>\n{\"name\":\"now\",\"arguments\":{\"x\":1}}\n</tool_call>\n<tool_call>",
        "user\n<tool_response>\nnoon\n</tool_response>\n<tool_response>\nnight\n</tool_response>",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let text = read(json!({"messages": messages})).await;
    assert!(
        !text.contains("You may call") && text.contains("<tool_call>"),
        "{text}"
    );
}
