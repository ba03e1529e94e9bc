//! A service on this machine that answers as it is told.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{HttpBody, HttpMethod, HttpResponse, HttpStage, HttpStageOptions};
use crate::payload::{Kind, Payload};
use crate::stage::{Call, Stage, StageError};
use crate::template::{PromptTemplate, UrlTemplate};

/// Answers the requests that come with these, one after the other, each on a connection of its own.
struct Service {
    port: u16,
    tasks: JoinSet<Vec<String>>,
}

impl Service {
    async fn answering(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                requests.push(request(&mut socket).await);
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
            requests
        });
        Self { port, tasks }
    }

    fn options(&self, path: &str) -> HttpStageOptions {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        HttpStageOptions {
            url: UrlTemplate::new(&url).unwrap(),
            method: HttpMethod::Get,
            headers: Vec::new(),
            body: None,
            response: HttpResponse::Json(String::new()),
            output: "response".to_owned(),
            timeout: Duration::from_secs(60),
            max_response_bytes: 100,
            retries: 0,
        }
    }

    /// The requests, when all answers were given.
    async fn requests(mut self) -> Vec<String> {
        self.tasks.join_next().await.unwrap().unwrap()
    }
}

/// Reads one request with its body.
async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0; 1024];
        let read = socket.read(&mut more).await.unwrap();
        bytes.extend_from_slice(&more[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        assert!(read > 0, "half a request: {text}");
    }
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

async fn ask(options: HttpStageOptions, variables: Value) -> Result<Payload, StageError> {
    let Value::Object(variables) = variables else {
        panic!("{variables} is no object")
    };
    let stage = HttpStage::new(options).unwrap();
    stage.call(Payload::of(variables), &Call::new("test")).await
}

#[tokio::test]
async fn variables_reach_path_headers_and_body() {
    let service = Service::answering(&[&answer("200 OK", r#"{"data": [{"id": 7}]}"#)]).await;
    let sent = json!({"text": "Q: {{ question }}", "found": "{{ passages }}", "n": [1, true]});
    let options = HttpStageOptions {
        method: HttpMethod::Post,
        headers: vec![(
            "X-Label".to_owned(),
            PromptTemplate::new("h", "is {{ label }}").unwrap(),
        )],
        body: Some(HttpBody::json("body", &sent).unwrap()),
        response: HttpResponse::Json("/data/0".to_owned()),
        ..service.options("/tickets/{{ label }}")
    };
    let signature = options.signature();
    let reads: Vec<_> = signature
        .reads
        .iter()
        .map(|(name, kind)| (name.as_str(), *kind))
        .collect();
    assert_eq!(
        reads,
        [
            ("label", Kind::Any),
            ("passages", Kind::Any),
            ("question", Kind::Text)
        ]
    );
    let variables =
        json!({"question": "say \"hi\"\n", "label": "a/b", "passages": [{"text": "p"}]});
    let payload = ask(options, variables).await.unwrap();
    assert_eq!(payload.get("response"), Some(&json!({"id": 7})));

    let requests = service.requests().await;
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /tickets/a%2Fb HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nx-label: is a/b"), "{head}");
    assert!(
        head.contains("\r\ncontent-type: application/json"),
        "{head}"
    );
    let expected = json!({"text": "Q: say \"hi\"\n", "found": [{"text": "p"}], "n": [1, true]});
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn a_text_may_be_what_is_wanted() {
    let service = Service::answering(&[&answer("200 OK", "plain é")]).await;
    let options = HttpStageOptions {
        response: HttpResponse::Text,
        ..service.options("/")
    };
    assert_eq!(
        ask(options, json!({}))
            .await
            .unwrap()
            .text("response")
            .unwrap(),
        "plain é"
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_where_that_does_no_harm() {
    let bad = answer("503 Service Unavailable", "busy");
    let service = Service::answering(&[&bad, &bad, &answer("200 OK", "1")]).await;
    let options = HttpStageOptions {
        retries: 2,
        ..service.options("/")
    };
    let payload = ask(options, json!({})).await.unwrap();
    assert_eq!(payload.get("response"), Some(&json!(1)));
    assert_eq!(service.requests().await.len(), 3);
}

#[tokio::test]
async fn what_a_service_does_wrong_is_said_with_its_name() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\
                    connection: close\r\n\r\n";
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{}",
        "20\r\n12345678901234567890123456789012\r\n".repeat(10)
    );
    for (given, may_retry, said) in [
        (
            answer("503 Busy", "try later"),
            true,
            "answered 503: try later",
        ),
        (answer("429 Slow", ""), true, "answered 429: "),
        (
            answer("404 None", &"x".repeat(5000)),
            false,
            "answered 404: xxx",
        ),
        (redirect.to_owned(), false, "answered 302: "),
        (
            answer("200 OK", "no JSON"),
            false,
            "answered what is no JSON: ",
        ),
        (
            answer("200 OK", &"1".repeat(101)),
            false,
            "answered more than 100 bytes",
        ),
        (chunked, false, "answered more than 100 bytes"),
        (String::new(), true, "broke off"),
    ] {
        let service = Service::answering(&[&given]).await;
        let options = service.options("/?key=hush");
        let error = ask(options, json!({})).await.unwrap_err();
        let text = error.to_string();
        let server = format!("http://127.0.0.1:{} ", service.port);
        assert!(text.starts_with(&format!("{server}{said}")), "{text}");
        assert!(text.len() < 300 && !text.contains("hush"), "{text}");
        assert_eq!(error.may_retry(), may_retry, "{text}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let service = Service {
        port,
        tasks: JoinSet::new(),
    };
    let error = ask(service.options("/"), json!({})).await.unwrap_err();
    assert!(
        error.may_retry() && error.to_string().ends_with("cannot be reached"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = Service {
        port,
        tasks: JoinSet::new(),
    };
    let options = HttpStageOptions {
        timeout: Duration::from_millis(20),
        ..service.options("/")
    };
    let error = ask(options, json!({})).await.unwrap_err();
    assert!(
        error.to_string().ends_with("did not answer within 20ms"),
        "{error}"
    );
}

#[tokio::test]
async fn a_pointer_that_leads_nowhere_is_said() {
    let service = Service::answering(&[&answer("200 OK", r#"{"a": 1}"#)]).await;
    let options = HttpStageOptions {
        response: HttpResponse::Json("/b/0".to_owned()),
        ..service.options("/")
    };
    let error = ask(options, json!({})).await.unwrap_err().to_string();
    assert!(error.ends_with("answered nothing at `/b/0`"), "{error}");
}
