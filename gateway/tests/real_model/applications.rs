//! The products of `configs/`, on the real model.

use reqwest::Client;
use serde_json::{Value, json};

use crate::server::Server;

#[tokio::test]
async fn the_extractor_answers_with_json_of_its_schema_or_refuses() {
    let server = Server::product("extractor.yaml");
    assert!(
        server.banner.contains("compose, answer, check"),
        "{}",
        server.banner
    );
    let client = Client::new();
    let mut extracted = 0;
    for (message, name) in [
        ("This is Ada. Please send me the bill, it is urgent!", "Ada"),
        ("Hi, Bob here, could you call me back next week?", "Bob"),
        ("I am Eve and I would like to cancel my order.", "Eve"),
        (
            "Frank speaking. My heating is broken, come at once!",
            "Frank",
        ),
    ] {
        let url = format!("{}/extractor", server.url);
        let response = client.post(url).json(&json!(message)).send().await.unwrap();
        let status = response.status().as_u16();
        let told: Value = response.json().await.unwrap();
        if status == 200 {
            let object: Value = serde_json::from_str(told.as_str().unwrap()).unwrap();
            assert!(
                object["urgent"].is_boolean() && object["wish"].is_string(),
                "{object}"
            );
            assert_eq!(object.as_object().unwrap().len(), 3);
            extracted += u32::from(object["name"] == name);
        } else {
            assert_eq!(
                (status, &told["error"]["code"]),
                (400, &json!("invalid_answer"))
            );
        }
    }
    assert!(
        extracted >= 3,
        "a small model, but not as small as this: {extracted} of 4"
    );

    // It is a model like the others, too.
    let body = json!({
        "model": "extractor",
        "messages": [{"role": "user", "content": "Ada here, I need a taxi now!"}],
    });
    let url = format!("{}/v1/chat/completions", server.url);
    let response = client.post(url).json(&body).send().await.unwrap();
    let status = response.status().as_u16();
    assert!(status == 200 || status == 400);
    if status == 200 {
        assert!(response.headers().contains_key("server-timing"));
        let told: Value = response.json().await.unwrap();
        assert!(
            told["usage"]["prompt_tokens"].as_u64().unwrap() > 50,
            "{told}"
        );
    }
    assert!(server.terminate().success());
}
