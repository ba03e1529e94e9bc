//! The way in by gRPC, with a client made from the same file.

use std::time::Duration;

use futures::StreamExt;
use gateway::{GatewayConfig, GrpcConfig, SharedState, serve_grpc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::applications::{NAME, gated};
use crate::fixture::{ALIAS, MODEL, Server, holding_after, new_state, saying, text_model};

use proto::inference_chunk::Piece;
use proto::inference_client::InferenceClient;
use proto::inference_request::Input;
use proto::{InferenceRequest, Usage};

mod proto {
    #![expect(
        unreachable_pub,
        unused_qualifications,
        clippy::absolute_paths,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    include!(concat!(env!("OUT_DIR"), "/client/penstock.v1.rs"));
}

/// A server that speaks both.
struct Both {
    http: Server,
    channel: Channel,
    tasks: JoinSet<()>,
}

impl Both {
    async fn of(state: SharedState, http: Server, config: GrpcConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_grpc(listener, state, config));
        let endpoint = Channel::from_shared(address).unwrap();
        Self {
            http,
            channel: endpoint.connect().await.unwrap(),
            tasks,
        }
    }

    async fn serving(fake: engine::testing::FakeModel, config: GatewayConfig) -> Self {
        let state = new_state(config);
        let model = text_model(fake);
        state.serve(vec![model.clone()], []).unwrap();
        let http = Server::of(state.clone(), model).await;
        Self::of(state, http, GrpcConfig::default()).await
    }

    fn client(&self) -> InferenceClient<Channel> {
        InferenceClient::new(self.channel.clone())
    }
}

fn asking(model: &str, question: &str, request: &str) -> InferenceRequest {
    InferenceRequest {
        model: model.to_owned(),
        input: Some(Input::Question(question.to_owned())),
        request_json: request.to_owned(),
    }
}

#[tokio::test]
async fn a_model_answers_whole_and_in_pieces() {
    let both = Both::serving(saying("Hello"), GatewayConfig::default()).await;
    let mut client = both.client();
    let mut request = Request::new(asking(ALIAS, "Hi", r#"{"temperature": 0}"#));
    let id = "call-7".parse().unwrap();
    request.metadata_mut().insert("x-request-id", id);
    let answer = client.call(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "call-7");
    let answer = answer.into_inner();
    assert_eq!((&*answer.text, &*answer.finish_reason), ("Hello", "stop"));
    let usage = answer.usage.unwrap();
    assert!(usage.prompt_tokens > 0 && usage.completion_tokens == 6);
    assert_eq!(answer.sources_json, "");

    let messages = r#"[{"role": "user", "content": "Hi"}]"#.to_owned();
    let request = InferenceRequest {
        input: Some(Input::MessagesJson(messages)),
        ..asking(MODEL, "", r#"{"max_tokens": 3}"#)
    };
    let chunks = client.stream(request).await.unwrap().into_inner();
    let chunks: Vec<_> = chunks.map(|c| c.unwrap().piece.unwrap()).collect().await;
    let said: String = chunks
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::End(_) => None,
        })
        .collect();
    assert_eq!(said, "Hel");
    let Some(Piece::End(end)) = chunks.last() else {
        panic!("{chunks:?}")
    };
    assert_eq!(end.finish_reason, "length");
    let Some(Usage {
        completion_tokens: 3,
        ..
    }) = end.usage
    else {
        panic!("{end:?}")
    };
    both.http.until("penstock_grpc_requests_total", 2.0).await;
    drop(both.tasks);
}

#[tokio::test]
async fn an_application_answers_with_its_sources_or_says_what_is_wrong() {
    let (state, http, gate) = gated().await;
    let both = Both::of(state, http, GrpcConfig::default()).await;
    let mut client = both.client();
    gate.add_permits(3);
    let answer = client.call(asking(NAME, "Hi?", "")).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(answer.text, "Hello, you");
    assert_eq!(answer.usage.unwrap().completion_tokens, 3);
    let sources: serde_json::Value = serde_json::from_str(&answer.sources_json).unwrap();
    assert_eq!(sources[0]["source"], "hello.md");

    for (request, code, said) in [
        (
            asking(NAME, "fail", ""),
            Code::Internal,
            "`retrieve` failed",
        ),
        (
            asking(NAME, "refuse", ""),
            Code::FailedPrecondition,
            "not about",
        ),
        (
            asking(NAME, "wrong", ""),
            Code::InvalidArgument,
            "question mark",
        ),
        (asking("none", "Hi", ""), Code::NotFound, "`none`"),
        (
            asking(NAME, "Hi", "[]"),
            Code::InvalidArgument,
            "request_json",
        ),
        (
            asking(NAME, "Hi", r#"{"stream": true}"#),
            Code::InvalidArgument,
            "`stream`",
        ),
        (
            asking(MODEL, "Hi", r#"{"temperature": 9}"#),
            Code::InvalidArgument,
            "temperature",
        ),
        (
            asking(MODEL, "Hi", r#"{"n": 2}"#),
            Code::InvalidArgument,
            "n is not available",
        ),
        (
            InferenceRequest {
                input: None,
                ..asking(NAME, "", "")
            },
            Code::InvalidArgument,
            "input",
        ),
    ] {
        let status = client.call(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(said), "{status}");
    }
    let status = client.call(asking(NAME, "refuse", "")).await.unwrap_err();
    let code = status.metadata().get("penstock-error-code").unwrap();
    assert_eq!(code, "off_topic");

    // After the first piece an error ends the stream.
    let stream = client.stream(asking(NAME, "break", "")).await.unwrap();
    let pieces: Vec<_> = stream.into_inner().collect().await;
    assert_eq!(pieces.len(), 2);
    assert_eq!(pieces[1].as_ref().unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn full_queues_deadlines_and_clients_who_leave() {
    let (fake, gate) = holding_after(3, saying(&"x".repeat(100)));
    let config = GatewayConfig {
        max_ongoing_requests: std::num::NonZeroUsize::MIN,
        max_queued_requests: 0,
        ..GatewayConfig::default()
    };
    let both = Both::serving(fake, config).await;
    let mut client = both.client();
    let mut stream = client
        .stream(asking(MODEL, "Hi", ""))
        .await
        .unwrap()
        .into_inner();
    stream.message().await.unwrap().unwrap();
    let full = client.call(asking(MODEL, "Hi", "")).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted, "{full}");
    drop(stream);
    let metric = "penstock_admission_permits_in_use";
    both.http.until(metric, 0.0).await;

    let mut request = Request::new(asking(MODEL, "Hi", ""));
    request.set_timeout(Duration::from_millis(50));
    // The engine is held, so nothing comes.
    let late = client.call(request).await.unwrap_err();
    let given_up = matches!(late.code(), Code::DeadlineExceeded | Code::Cancelled);
    assert!(given_up, "{late}");
    both.http.until(metric, 0.0).await;
    drop(gate);
}

#[tokio::test]
async fn health_and_reflection_say_what_is_there() {
    let both = Both::serving(saying("Hello"), GatewayConfig::default()).await;
    let mut health = HealthClient::new(both.channel.clone());
    for service in ["", "penstock.v1.Inference"] {
        let service = service.to_owned();
        let told = health.check(HealthCheckRequest { service }).await.unwrap();
        assert_eq!(told.into_inner().status(), ServingStatus::Serving);
    }
    let service = "other".to_owned();
    let unknown = health.check(HealthCheckRequest { service }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);

    let mut reflection = ServerReflectionClient::new(both.channel.clone());
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(futures::stream::iter([ask]));
    let answer = answers.await.unwrap().into_inner().message().await.unwrap();
    let Some(MessageResponse::ListServicesResponse(listed)) = answer.unwrap().message_response
    else {
        panic!("no list")
    };
    let mut names: Vec<_> = listed.service.into_iter().map(|s| s.name).collect();
    names.sort();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "penstock.v1.Inference",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn shutdown_lets_a_stream_end_and_takes_nothing_new() {
    let (fake, gate) = holding_after(3, saying("Hello"));
    let config = GatewayConfig {
        drain_settle: Duration::ZERO,
        ..GatewayConfig::default()
    };
    let mut both = Both::serving(fake, config).await;
    let mut client = both.client();
    let stream = client.stream(asking(MODEL, "Hi", "")).await.unwrap();
    let mut health = HealthClient::new(both.channel.clone());
    let watched = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watched = watched.into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    both.http.shutdown.cancel();
    let next = watched.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
    let refused = loop {
        // Draining begins a moment after not being ready.
        match client.call(asking("none", "Hi", "")).await {
            Err(status) if status.code() == Code::Unavailable => break status,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(refused.message().contains("shutting down"), "{refused}");
    drop(gate);
    let pieces: Vec<_> = stream.into_inner().collect().await;
    assert!(matches!(
        pieces.last().unwrap().as_ref().unwrap().piece,
        Some(Piece::End(_))
    ));
    drop(watched);
    both.tasks.join_next().await.unwrap().unwrap();
    both.http.gone().await;
}
