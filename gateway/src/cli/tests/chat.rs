//! Conversations with a server of our own making.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::terminal;
use crate::cli::chat::{Client, Session, converse};
use crate::cli::{Arguments, dispatch};
use crate::env::Environment;

/// What the server was sent.
type Requests = Arc<Mutex<Vec<Value>>>;

/// A server that answers "Hello 1", "Hello 2" and so on in pieces, stops in the middle when it is
/// told "wait", and refuses "no".
async fn server() -> (String, Requests, JoinSet<()>) {
    let requests = Requests::default();
    let app = axum::Router::new()
        .route(
            "/v1/models",
            get(|| async {
                Json(json!({"object": "list", "data": [
                {"id": "small", "object": "model", "created": 1, "owned_by": "us"}]}))
            }),
        )
        .route("/v1/chat/completions", post(answer))
        .with_state(Arc::clone(&requests));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    task.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, requests, task)
}

async fn answer(State(requests): State<Requests>, Json(request): Json<Value>) -> Response {
    let last = request["messages"].as_array().unwrap().last().unwrap()["content"].clone();
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(request);
        requests.len()
    };
    if last == "no" {
        let body = json!({"error": {"message": "not that", "type": "invalid_request_error",
            "param": "messages", "code": null}});
        return (axum::http::StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let chunk = |text: &str| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1,
            "model": "small", "choices": [{"index": 0, "delta": {"content": text}}]});
        Ok::<_, Infallible>(Event::default().data(chunk.to_string()))
    };
    let number = format!("{number}");
    let begin = futures::stream::iter([chunk("Hel"), chunk("lo\u{1b}[31m "), chunk(&number)]);
    if last == "wait" {
        return Sse::new(begin.chain(futures::stream::pending())).into_response();
    }
    let end = futures::stream::iter([Ok(Event::default().data("[DONE]"))]);
    Sse::new(begin.chain(end)).into_response()
}

/// Roles and texts of a request's messages.
fn said(request: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let messages = request["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|m| (text(&m["role"]), text(&m["content"])))
        .collect()
}

#[tokio::test]
async fn the_conversation_is_sent_whole_each_time() {
    let (url, requests, _task) = server().await;
    let client = Client::new(&url, None).unwrap();
    let mut session =
        Session::new(client, "small".to_owned(), Some("be brief".to_owned())).unwrap();
    let (mut terminal, out, _) = terminal();
    terminal.out_is_tty = true;
    session.say("one", &mut terminal, pending()).await.unwrap();
    session
        .say("no", &mut terminal, pending())
        .await
        .unwrap_err();
    session.say("two", &mut terminal, pending()).await.unwrap();
    // Escape sequences of a model do not reach a terminal.
    assert_eq!(out.text(), "Hello[31m 1\nHello[31m 3\n");
    let requests = requests.lock().unwrap();
    let last = said(requests.last().unwrap());
    let roles: Vec<&str> = last.iter().map(|(role, _)| role.as_str()).collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "user"],
        "a refused turn is not kept"
    );
    assert_eq!(last[0].1, "be brief");
    assert_eq!((last[1].1.as_str(), last[3].1.as_str()), ("one", "two"));
    assert_eq!(requests[0]["stream"], true);
}

#[tokio::test]
async fn a_conversation_goes_line_by_line_until_exit() {
    let (url, requests, _task) = server().await;
    let client = Client::new(&url, None).unwrap();
    let mut session = Session::new(client, "small".to_owned(), None).unwrap();
    let (mut terminal, out, err) = terminal();
    let mut lines = [
        "one\n", "\n", "no\n", "/clear\n", "two\n", "/exit\n", "never\n",
    ]
    .into_iter();
    let next_line = async || Ok(lines.next().map(str::to_owned));
    converse(&mut session, next_line, &mut terminal)
        .await
        .unwrap();
    assert_eq!(
        out.text(),
        "> Hello\u{1b}[31m 1\n> > > > Hello\u{1b}[31m 3\n> "
    );
    assert!(
        err.text().starts_with("error: the server says: "),
        "{}",
        err.text()
    );
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 3, "after /exit nothing is said");
    assert_eq!(
        said(&requests[2]),
        [("user".to_owned(), "two".to_owned())],
        "/clear forgets"
    );
}

#[tokio::test]
async fn a_stopped_answer_ends_at_once_and_what_came_is_kept() {
    let (url, requests, _task) = server().await;
    let client = Client::new(&url, None).unwrap();
    let mut session = Session::new(client, "small".to_owned(), None).unwrap();
    let (mut terminal, out, _) = terminal();
    // Stops as soon as the number has been written, as a person would who has read enough.
    let seen = out.clone();
    let stop = async move {
        while !seen.text().ends_with('1') {
            tokio::task::yield_now().await;
        }
    };
    let turn = session.say("wait", &mut terminal, stop).await.unwrap();
    assert_eq!(format!("{turn:?}"), "Stopped");
    session
        .say("go on", &mut terminal, pending())
        .await
        .unwrap();
    let requests = requests.lock().unwrap();
    let last = said(requests.last().unwrap());
    assert_eq!(
        last[1],
        ("assistant".to_owned(), "Hello\u{1b}[31m 1".to_owned())
    );
}

#[tokio::test]
async fn one_question_gets_one_answer_of_the_first_model() {
    use clap::Parser;

    let (url, requests, _task) = server().await;
    let (mut terminal, out, _) = terminal();
    let arguments = ["penstock", "chat", "--url", &url, "What is up?"];
    let arguments = Arguments::try_parse_from(arguments).unwrap();
    dispatch(arguments, &Environment::default(), &mut terminal)
        .await
        .unwrap();
    assert_eq!(out.text(), "Hello\u{1b}[31m 1\n");
    assert_eq!(requests.lock().unwrap()[0]["model"], "small");
}

#[tokio::test]
async fn a_refusal_and_a_missing_server_are_told_apart() {
    let (url, _, _task) = server().await;
    let client = Client::new(&url, None).unwrap();
    let mut session = Session::new(client, "small".to_owned(), None).unwrap();
    let (mut terminal, _, _) = terminal();
    let error = session
        .say("no", &mut terminal, pending())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("the server says: "), "{error}");
    assert!(error.contains("not that"), "{error}");
    // A port that was free a moment ago.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = Client::new(&url, None).unwrap();
    let error = client.models().await.unwrap_err().to_string();
    assert!(
        error.contains("no server answers at") && error.contains("penstock run"),
        "{error}"
    );
}
