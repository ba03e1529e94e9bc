//! Every frame that the program sends, against OpenAI's published schema.

use reqwest::Client;
use serde_json::{Value, json};

use crate::server::{MODEL, Server};
use crate::stream_schemas::StreamSchemas;

async fn streamed(server: &Server, path: &str, mut body: Value) -> String {
    body["model"] = json!(MODEL);
    body["stream"] = json!(true);
    let request = Client::new().post(format!("{}{path}", server.url));
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200, "{body}");
    response.text().await.unwrap()
}

#[tokio::test]
async fn each_is_as_openai_says() {
    let server = Server::start("");
    let schemas = StreamSchemas::new();
    let messages = json!([{"role": "user", "content": "Count from one to five, please."}]);
    let schema = json!({
        "type": "object",
        "properties": {"age": {"type": "integer", "maximum": 99}},
        "required": ["age"],
        "additionalProperties": false,
    });
    let usage = json!({"include_usage": true});
    let chat = "/v1/chat/completions";
    for more in [
        json!({"max_tokens": 24}),
        json!({"max_tokens": 6, "n": 2, "temperature": 1, "stream_options": usage}),
        json!({"max_tokens": 6, "logprobs": true, "top_logprobs": 3}),
        json!({"max_tokens": 24, "response_format": {
            "type": "json_schema", "json_schema": {"name": "age", "schema": schema},
        }}),
    ] {
        let mut body = more;
        body["messages"] = messages.clone();
        let kinds = schemas.prove_all(&streamed(&server, chat, body).await);
        assert!(kinds.len() > 3, "{kinds:?}");
    }
    for more in [
        json!({"max_tokens": 8}),
        json!({"max_tokens": 4, "logprobs": 2, "n": 2, "stream_options": usage}),
    ] {
        let mut body = more;
        body["prompt"] = json!("One, two, three,");
        let kinds = schemas.prove_all(&streamed(&server, "/v1/completions", body).await);
        assert!(kinds.len() > 3, "{kinds:?}");
    }
    let logprobs = json!(["message.output_text.logprobs"]);
    for (more, end) in [
        (json!({"max_output_tokens": 5}), "response.incomplete"),
        (
            json!({"max_output_tokens": 5, "background": true, "metadata": {"a": "b"}}),
            "response.incomplete",
        ),
        (
            json!({"max_output_tokens": 4, "include": logprobs, "top_logprobs": 2, "store": false}),
            "response.incomplete",
        ),
        (
            json!({
                "instructions": "Be brief.",
                "text": {"format": {"type": "json_schema", "name": "age", "schema": schema, "strict": true}},
            }),
            "response.completed",
        ),
    ] {
        let mut body = more;
        body["input"] = messages.clone();
        let text = streamed(&server, "/v1/responses", body).await;
        let kinds = schemas.prove_all(&text);
        assert_eq!(kinds.last().map(String::as_str), Some(end), "{text}");
    }
}
