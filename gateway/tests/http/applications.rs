//! Applications answer as models of their names.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use gateway::{GatewayConfig, Kind, METRICS, SharedState};
use llm_apps::controller::{Application, ApplicationParts};
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use llm_apps::payload::{Answer, AnswerEvent, Completion, Payload};
use llm_apps::pipeline::{Member, Pipeline, Step};
use llm_apps::stage::{Call, Stage, StageError, TokenCount};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::fixture::{Server, chunks, new_state, question, saying, text_model};

/// What it is called.
pub(crate) const NAME: &str = "assistant";

/// Finds the same passage for every question, or does what the question asks for.
struct Retrieve;

impl Stage for Retrieve {
    type Input = Payload;
    type Output = Payload;
    async fn call(&self, mut input: Payload, _: &Call) -> Result<Payload, StageError> {
        match input.text("question")? {
            "fail" => return Err(StageError::failed("the collection is torn")),
            "refuse" => {
                return Err(StageError::Refused {
                    code: "off_topic".to_owned(),
                    message: "this is not about the documentation".to_owned(),
                });
            }
            "wrong" => {
                return Err(StageError::Invalid {
                    message: "a question has a question mark".to_owned(),
                    param: Some("messages".to_owned()),
                });
            }
            _ => {}
        }
        let passage = json!({"id": "1", "text": "Hi.", "source": "hello.md", "score": 0.5});
        input.set("passages", json!([passage]));
        Ok(input)
    }
}

/// Says two words, each when the test lets it.
struct Speak(Arc<Semaphore>);

impl Stage for Speak {
    type Input = Payload;
    type Output = Payload;
    async fn call(&self, mut input: Payload, call: &Call) -> Result<Payload, StageError> {
        if input.text("question")? == "break" {
            let events = [
                Ok(AnswerEvent::Text("half".to_owned())),
                Err(StageError::failed("the model is gone")),
            ];
            input.set_answer(Answer::new(futures::stream::iter(events)));
            return Ok(input);
        }
        let gate = Arc::clone(&self.0);
        let call = call.clone();
        let words = ["Hello, ", "you"]
            .into_iter()
            .map(|word| AnswerEvent::Text(word.to_owned()));
        let events = words.chain([AnswerEvent::Finished(Completion::Stop)]);
        let events = futures::stream::iter(events).then(move |event| {
            let (gate, call) = (Arc::clone(&gate), call.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                call.count_tokens(TokenCount {
                    completion: 1,
                    ..TokenCount::default()
                });
                Ok(event)
            }
        });
        input.set_answer(Answer::new(events));
        Ok(input)
    }
}

fn deploy<S>(
    name: &str,
    make: impl Fn() -> S + Send + Sync + 'static,
) -> (Arc<str>, Deployment<Payload, Payload>)
where
    S: Stage<Input = Payload, Output = Payload>,
{
    let config = DeploymentConfig {
        max_ongoing_requests: 1,
        max_queued_requests: 0,
        ..DeploymentConfig::default()
    };
    (
        name.into(),
        Deployment::start(name, config, Blueprint::of(1, make), &Host::new(1)),
    )
}

/// A server with the application, and the gate of its words.
async fn start() -> (Server, Arc<Semaphore>) {
    let (_, server, gate) = gated().await;
    (server, gate)
}

/// The same, with its state.
pub(crate) async fn gated() -> (SharedState, Server, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let words = Arc::clone(&gate);
    let deployments = vec![
        deploy("retrieve", || Retrieve),
        deploy("speak", move || Speak(Arc::clone(&words))),
    ];
    for (_, deployment) in &deployments {
        let mut watched = deployment.watch();
        drop(
            watched
                .wait_for(|status| status.running() == 1)
                .await
                .unwrap(),
        );
    }
    let step = |deployment: &Deployment<_, _>| {
        Step::Call(Member {
            handle: deployment.handle(),
            takes_stream: false,
        })
    };
    let pipeline = Pipeline::new(deployments.iter().map(|(_, d)| step(d)).collect());
    let application = Application::new(ApplicationParts {
        name: NAME.into(),
        route_prefix: Some("/assistant".into()),
        output: "answer".into(),
        pipeline,
        deployments,
        deployed: 1_650_000_000.5,
    });
    let state = new_state(GatewayConfig::default());
    let model = text_model(saying("Hello"));
    let application = Arc::new(application);
    state.serve(vec![model.clone()], [application]).unwrap();
    let server = Server::of(Arc::clone(&state), model).await;
    (state, server, gate)
}

fn asking(text: &str, more: Value) -> Value {
    let messages = json!([{"role": "user", "content": text}]);
    let mut body = question(more);
    body["messages"] = messages;
    body["model"] = NAME.into();
    body
}

#[tokio::test]
async fn it_is_asked_like_a_model_and_says_what_it_used() {
    let (server, gate) = start().await;
    gate.add_permits(3);
    let path = "/v1/chat/completions";
    let response = server.send(path, asking("Hi?", json!({}))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let timing = response.headers()["server-timing"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        timing.starts_with("retrieve;dur=") && timing.contains(", speak;dur="),
        "{timing}"
    );
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["model"], NAME);
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello, you");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["completion_tokens"], 3);
    assert_eq!(answer["penstock"]["sources"][0]["source"], "hello.md");

    let models: Value = server
        .get("/v1/models")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(models["data"][1]["id"], NAME);
    assert_eq!(models["data"][1]["created"], 1_650_000_000);
    let one = server.get("/v1/models/assistant").send().await.unwrap();
    assert_eq!(one.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_its_deployments_do_is_counted() {
    let (server, gate) = start().await;
    gate.add_permits(3);
    let body = asking("Hi?", json!({}));
    let answer = server.send("/v1/chat/completions", body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    drop(answer.bytes().await.unwrap());
    let text = server.get("/metrics").send().await.unwrap();
    let text = text.text().await.unwrap();
    for metric in METRICS {
        // Latencies are measured where a configuration was deployed: `deploying` looks at them.
        if metric.labels.contains(&"deployment") && metric.kind != Kind::Histogram {
            let kind = format!("{:?}", metric.kind).to_lowercase();
            let line = format!("# TYPE {} {kind}", metric.name);
            assert!(text.contains(&line), "{line} is not in /metrics:\n{text}");
        }
    }
    let of_speak = |name: &str, rest: &str| {
        let line = format!("{name}{{application=\"{NAME}\",deployment=\"speak\"{rest}");
        assert!(text.contains(&line), "{line} is not in /metrics:\n{text}");
    };
    of_speak("penstock_deployment_requests_total", "} 1");
    of_speak("penstock_deployment_errors_total", "} 0");
    of_speak("penstock_deployment_replica_starts_total", "} 1");
    of_speak("penstock_deployment_target_replicas", "} 1");
    of_speak("penstock_deployment_replicas", ",state=\"RUNNING\"} 1");
}

#[tokio::test]
async fn its_answer_streams_and_ends_with_its_sources() {
    let (server, gate) = start().await;
    gate.add_permits(1);
    let more = json!({"stream": true, "stream_options": {"include_usage": true}});
    let response = server
        .send("/v1/chat/completions", asking("Hi?", more))
        .await;
    assert_eq!(
        response.status(),
        StatusCode::OK,
        "the first word is enough"
    );
    gate.add_permits(2);
    let text = response.text().await.unwrap();
    let chunks = chunks(&text);
    let said: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, ["", "Hello, ", "you"]);
    let with_sources: Vec<_> = chunks.iter().filter(|c| !c["penstock"].is_null()).collect();
    assert_eq!(with_sources.len(), 1);
    assert_eq!(with_sources[0]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn a_reader_who_leaves_frees_the_places_of_all_stages() {
    let (server, gate) = start().await;
    gate.add_permits(1);
    let body = asking("Hi?", json!({"stream": true}));
    let response = server.send("/v1/chat/completions", body.clone()).await;
    let full = server.send("/v1/chat/completions", body.clone()).await;
    assert_eq!(
        full.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "one place, no queue"
    );
    let told: Value = full.json().await.unwrap();
    assert!(
        told["error"]["message"]
            .as_str()
            .unwrap()
            .contains("`speak`"),
        "{told}"
    );
    drop(response);
    server.until("penstock_admission_permits_in_use", 0.0).await;
    gate.add_permits(3);
    let again = server
        .send("/v1/chat/completions", asking("Hi?", json!({})))
        .await;
    assert_eq!(again.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_fails_names_its_stage_and_has_its_status() {
    let (server, gate) = start().await;
    let cases = [
        (
            "fail",
            json!({}),
            500,
            "stage_failed",
            "the stage `retrieve` failed: the collection is torn",
        ),
        (
            "refuse",
            json!({}),
            400,
            "off_topic",
            "this is not about the documentation",
        ),
        ("break", json!({}), 500, "stage_failed", "the model is gone"),
    ];
    for (text, more, status, code, message) in cases {
        let response = server
            .send("/v1/chat/completions", asking(text, more))
            .await;
        assert_eq!(response.status(), status, "{text}");
        assert!(response.headers().contains_key("x-request-id"));
        let told: Value = response.json().await.unwrap();
        assert_eq!(told["error"]["code"], code);
        assert_eq!(told["error"]["message"], message);
    }
    let wrong = server
        .send("/v1/chat/completions", asking("wrong", json!({})))
        .await;
    assert_eq!(wrong.status(), 400);
    let told: Value = wrong.json().await.unwrap();
    assert_eq!(told["error"]["param"], "messages");
    for field in [json!({"n": 2}), json!({"logprobs": true})] {
        let response = server
            .send("/v1/chat/completions", asking("Hi?", field.clone()))
            .await;
        assert_eq!(response.status(), 400, "{field}");
    }

    // After the first piece an error is a frame of its own.
    let body = asking("break", json!({"stream": true}));
    let text = server
        .send("/v1/chat/completions", body)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        text.contains("half") && text.contains("the model is gone"),
        "{text}"
    );
    assert!(!text.contains("[DONE]"), "{text}");
    // A later one is not harmed.
    gate.add_permits(3);
    let slow = server.send("/v1/chat/completions", asking("Hi?", json!({})));
    let after = tokio::time::timeout(Duration::from_secs(60), slow)
        .await
        .unwrap();
    assert_eq!(after.status(), 200);
}

#[tokio::test]
async fn below_its_prefix_it_takes_a_text_or_an_object() {
    let (server, gate) = start().await;
    gate.add_permits(12);
    let ask = |path: &'static str, body: Value| {
        let server = &server;
        async move {
            let response = server.post(path, &body).send().await.unwrap();
            let status = response.status().as_u16();
            (status, response.json::<Value>().await.unwrap())
        }
    };
    assert_eq!(
        ask("/assistant", json!("Hi?")).await,
        (200, json!("Hello, you"))
    );
    let (status, told) = ask("/assistant/ask", json!({"question": "Hi?"})).await;
    assert_eq!((status, &told["answer"]), (200, &json!("Hello, you")));
    assert_eq!(told["penstock"]["sources"][0]["id"], "1");
    let messages = json!({"messages": [{"role": "user", "content": "Hi?"}]});
    assert_eq!(ask("/assistant", messages).await.0, 200);

    let (status, told) = ask("/assistant", json!({"query": "Hi?"})).await;
    assert_eq!((status, &told["error"]["param"]), (400, &json!("question")));
    assert_eq!(ask("/assistant", json!(["Hi?"])).await.0, 400);
    assert_eq!(ask("/assistants", json!("Hi?")).await.0, 404);
    let get = server.get("/assistant").send().await.unwrap();
    assert_eq!(get.status(), 405);
}

#[tokio::test]
async fn below_its_prefix_it_streams_to_whoever_asks_for_that() {
    let (server, gate) = start().await;
    gate.add_permits(6);
    let by_field = server.post("/assistant", &json!({"question": "Hi?", "stream": true}));
    let by_header = server
        .post("/assistant", &json!("Hi?"))
        .header("accept", "application/json, text/event-stream;q=0.9");
    for request in [by_field, by_header] {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().contains_key("server-timing"));
        let mut chunks = chunks(&response.text().await.unwrap());
        let end = chunks.pop().unwrap();
        assert_eq!(
            chunks,
            [json!({"answer": "Hello, "}), json!({"answer": "you"})]
        );
        assert_eq!(end["finish_reason"], "stop");
        assert_eq!(end["usage"]["completion_tokens"], 3);
        assert_eq!(end["penstock"]["sources"][0]["source"], "hello.md");
    }
    let body = json!({"question": "break", "stream": true});
    let text = server.post("/assistant", &body).send().await.unwrap();
    let text = text.text().await.unwrap();
    assert!(
        text.contains(r#"{"answer":"half"}"#) && text.contains("the model is gone"),
        "{text}"
    );
    assert!(!text.contains("[DONE]"), "{text}");
    let odd = json!({"question": "Hi?", "stream": 1});
    let odd = server.post("/assistant", &odd).send().await.unwrap();
    assert_eq!(odd.status(), 400);
}

#[tokio::test]
async fn a_completion_is_its_prompts_answer() {
    let (server, gate) = start().await;
    gate.add_permits(6);
    let path = "/v1/completions";
    let asking = |more: Value| {
        let mut body = json!({"model": NAME, "prompt": "Hi?"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let whole = server.send(path, asking(json!({}))).await;
    assert!(whole.headers().contains_key("server-timing"));
    let whole: Value = whole.json().await.unwrap();
    assert_eq!(whole["choices"][0]["text"], "Hello, you");
    assert_eq!(whole["usage"]["completion_tokens"], 3);
    assert_eq!(whole["penstock"]["sources"][0]["source"], "hello.md");

    let streamed = server.send(path, asking(json!({"stream": true}))).await;
    let chunks = chunks(&streamed.text().await.unwrap());
    let said: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["text"].as_str())
        .collect();
    assert_eq!(said, ["Hello, ", "you", ""]);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["penstock"]["sources"][0]["id"], "1");

    for (more, param) in [
        (json!({"prompt": ["a", "b"]}), "prompt"),
        (json!({"prompt": [1, 2]}), "prompt"),
        (json!({"echo": true}), "echo"),
        (json!({"logprobs": 1}), "logprobs"),
        (json!({"n": 2}), "n"),
    ] {
        let response = server.send(path, asking(more)).await;
        assert_eq!(response.status(), 400, "{param}");
        let told: Value = response.json().await.unwrap();
        assert_eq!(told["error"]["param"], param, "{told}");
    }
}
