//! Requests that take too long.

use std::sync::Arc;
use std::time::Duration;

use gateway::GatewayConfig;
use llm_apps::controller::{Application, ApplicationParts};
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use llm_apps::payload::Payload;
use llm_apps::pipeline::{Member, Pipeline, Step};
use llm_apps::stage::{Call, Stage, StageError};
use serde_json::{Value, json};

use crate::fixture::{
    MODEL, Server, frames, holding_after, new_state, question, saying, text_model,
};

const HEADER: &str = "x-request-timeout-seconds";

/// Says the session that it is asked in, or nothing at all.
struct Session;

impl Stage for Session {
    type Input = Payload;
    type Output = Payload;
    async fn call(&self, mut input: Payload, call: &Call) -> Result<Payload, StageError> {
        if input.text("question")? == "never" {
            std::future::pending::<()>().await;
        }
        input.set("answer", call.session().unwrap_or("none"));
        Ok(input)
    }
}

async fn with_application() -> Server {
    let blueprint = Blueprint::of(1, || Session);
    let config = DeploymentConfig {
        max_ongoing_requests: 1,
        max_queued_requests: 0,
        ..DeploymentConfig::default()
    };
    let deployment = Deployment::start("say", config, blueprint, &Host::new(1));
    let mut watched = deployment.watch();
    let running = watched.wait_for(|status| status.running() == 1).await;
    drop(running.unwrap());
    let step = Step::Call(Member {
        handle: deployment.handle(),
        takes_stream: false,
    });
    let application = Application::new(ApplicationParts {
        name: "session".into(),
        route_prefix: Some("/session".into()),
        output: "answer".into(),
        pipeline: Pipeline::new(vec![step]),
        deployments: vec![("say".into(), deployment)],
        deployed: 0.0,
    });
    let state = new_state(GatewayConfig::default());
    let model = text_model(saying("Hello"));
    state
        .serve(vec![model.clone()], [Arc::new(application)])
        .unwrap();
    Server::of(state, model).await
}

fn asking() -> Value {
    let mut body = question(json!({}));
    body["model"] = MODEL.into();
    body
}

#[tokio::test]
async fn before_the_first_token_it_is_a_408_and_the_work_is_given_up() {
    let (fake, gate) = holding_after(0, saying("Hello"));
    let config = GatewayConfig {
        request_timeout: Some(Duration::from_secs(3600)),
        ..GatewayConfig::default()
    };
    let server = Server::configured(fake, config).await;
    let request = server.post("/v1/chat/completions", &asking());
    let response = request.header(HEADER, "0.05").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 408, "the smaller limit holds");
    let told: Value = response.json().await.unwrap();
    assert_eq!(told["error"]["code"], "timeout");
    let message = &told["error"]["message"];
    assert_eq!(message, "the request was not answered within 50ms");
    drop(gate);
    server.until("penstock_admission_permits_in_use", 0.0).await;
    server.until("penstock_num_requests_running", 0.0).await;
    assert_eq!(server.metric("penstock_request_failure_total").await, 1.0);
}

#[tokio::test]
async fn amid_a_stream_it_is_an_error_at_its_end() {
    let (fake, gate) = holding_after(3, saying(&"x".repeat(100)));
    let config = GatewayConfig {
        request_timeout: Some(Duration::from_millis(300)),
        ..GatewayConfig::default()
    };
    let server = Server::configured(fake, config).await;
    let mut body = asking();
    body["stream"] = true.into();
    // A client cannot ask for more than the server gives.
    let request = server.post("/v1/chat/completions", &body);
    let response = request.header(HEADER, "60").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let text = response.text().await.unwrap();
    let frames = frames(&text);
    let last: Value = serde_json::from_str(frames.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "timeout", "{text}");
    assert!(frames.len() > 1, "{text}");
    drop(gate);
    server.until("penstock_admission_permits_in_use", 0.0).await;
}

#[tokio::test]
async fn who_waits_for_a_place_is_given_up_too() {
    let (fake, gate) = holding_after(0, saying("Hello"));
    let config = GatewayConfig {
        max_ongoing_requests: std::num::NonZeroUsize::MIN,
        ..GatewayConfig::default()
    };
    let server = Server::configured(fake, config).await;
    let body = asking();
    let first = server.post("/v1/completions", &json!({"model": MODEL, "prompt": "a"}));
    let first = first.header(HEADER, "60").send();
    let second = async {
        server.until("penstock_admission_permits_in_use", 1.0).await;
        let request = server.post("/v1/chat/completions", &body);
        let response = request.header(HEADER, "0.05").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 408);
        drop(gate);
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn values_that_are_none_are_refused() {
    let server = Server::start(saying("Hello")).await;
    for value in ["", "0", "-1", "soon", "NaN", "inf", "1e300", "5s"] {
        let request = server.post("/v1/chat/completions", &asking());
        let response = request.header(HEADER, value).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 400, "{value}");
        let told: Value = response.json().await.unwrap();
        assert_eq!(told["error"]["param"], HEADER);
    }
    let long = "x".repeat(300);
    for value in ["", long.as_str()] {
        let request = server.post("/v1/chat/completions", &asking());
        let response = request.header("x-session-id", value).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 400, "{value}");
    }
}

#[tokio::test]
async fn an_application_has_the_deadline_and_the_session() {
    let server = with_application().await;
    let request = server.post("/session", &json!("who?"));
    let told = request.header("x-session-id", "s-1").send().await.unwrap();
    assert!(told.headers().contains_key("server-timing"));
    assert_eq!(told.json::<Value>().await.unwrap(), json!("s-1"));

    let never = server.post("/session", &json!("never"));
    let response = never.header(HEADER, "0.05").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 408);
    // Its place is free again.
    let again = server
        .post("/session", &json!("who?"))
        .send()
        .await
        .unwrap();
    assert_eq!(again.json::<Value>().await.unwrap(), json!("none"));
}
