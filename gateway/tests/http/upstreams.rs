//! One server answers with the model of another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gateway::GatewayConfig;
use llm_apps::controller::{Controller, Site, Surroundings};
use llm_apps::spec::ServeConfig;
use llm_apps::stage::upstream::Upstream;
use serde_json::{Value, json};

use crate::fixture::{
    MODEL, Server, chunks, holding_after, new_state, question, saying, text_model,
};

/// A server whose application `far` asks `other`.
async fn before(other: &Server) -> Server {
    let yaml = format!(
        "upstreams: [{{name: gpt, base_url: \"{}/v1\", model: {MODEL}, max_retries: 0}}]\n\
         applications:\n  - name: far\n    pipeline: [answer]\n    deployments:\n      \
         - name: answer\n        generate: {{model: gpt, stop: [\"!\"]}}\n",
        other.url
    );
    let config = ServeConfig::parse("", Path::new(""), yaml.as_bytes(), &BTreeMap::new()).unwrap();
    let upstreams = config.upstreams.iter().map(|spec| {
        let upstream = Upstream::new(spec.options.clone()).unwrap();
        (spec.options.name.clone(), upstream)
    });
    let around = Surroundings {
        models: Vec::new(),
        upstreams: upstreams.collect(),
        encoders: BTreeMap::new(),
        classifiers: BTreeMap::new(),
        translators: BTreeMap::new(),
        collections: BTreeMap::new(),
        renewed: BTreeSet::new(),
        site: Site::default(),
        seed: 1,
        now: 0.0,
    };
    let state = new_state(GatewayConfig::default());
    let applications = Controller::default().apply(&config.applications, &around);
    let model = text_model(saying(""));
    state.serve(vec![model.clone()], applications).unwrap();
    Server::of(state, model).await
}

fn asking(more: Value) -> Value {
    let mut body = question(more);
    body["model"] = "far".into();
    body
}

#[tokio::test]
async fn its_answers_stream_through_and_are_counted() {
    let other = Server::start(saying("Hello! And more")).await;
    let server = before(&other).await;
    let path = "/v1/chat/completions";
    let whole = server.send(path, asking(json!({}))).await;
    let whole: Value = whole.json().await.unwrap();
    assert_eq!(
        whole["choices"][0]["message"]["content"], "Hello",
        "{whole}"
    );
    let usage = &whole["usage"];
    assert!(usage["prompt_tokens"].as_u64().unwrap() > 0, "{usage}");
    assert_eq!(usage["completion_tokens"], 6);

    let more = json!({"stream": true, "max_tokens": 3, "temperature": 0.0});
    let text = server.send(path, asking(more)).await.text().await.unwrap();
    let chunks = chunks(&text);
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "Hel");
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn a_reader_who_leaves_is_heard_of_by_the_other() {
    let (fake, gate) = holding_after(3, saying(&"x".repeat(200)));
    let other = Server::start(fake).await;
    let server = before(&other).await;
    let body = asking(json!({"stream": true}));
    let response = server.send("/v1/chat/completions", body).await;
    assert_eq!(response.status().as_u16(), 200);
    drop(response);
    other.until("penstock_admission_permits_in_use", 0.0).await;
    drop(gate);
}

#[tokio::test]
async fn what_the_other_refuses_has_its_status() {
    let other = Server::start(saying("Hello")).await;
    let server = before(&other).await;
    // Too long for the other's model.
    let mut long = asking(json!({}));
    long["messages"][0]["content"] = "x".repeat(4000).into();
    let response = server.send("/v1/chat/completions", long).await;
    assert_eq!(response.status().as_u16(), 400);
    let told: Value = response.json().await.unwrap();
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the upstream `gpt` answered 400: this model's maximum context"),
        "{told}"
    );

    other.shutdown.cancel();
    other.gone().await;
    let response = server.send("/v1/chat/completions", asking(json!({}))).await;
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let told: Value = response.json().await.unwrap();
    assert_eq!(told["error"]["code"], "stage_unavailable", "{told}");
}
