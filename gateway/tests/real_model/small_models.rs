//! The products of `configs/` that ask small models beside the large one, or instead of it.

use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::server::Server;

/// A service that takes tickets: what it was sent, and where it is.
struct Tickets {
    url: String,
    taken: mpsc::Receiver<Value>,
    _task: JoinSet<()>,
}

impl Tickets {
    /// The first ticket is number 100.
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (took, taken) = mpsc::channel(16);
        let mut task = JoinSet::new();
        task.spawn(async move {
            for id in 100.. {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = BufReader::new(stream);
                let (mut line, mut length) = (String::new(), 0);
                loop {
                    line.clear();
                    stream.read_line(&mut line).await.unwrap();
                    let header = line.to_ascii_lowercase();
                    if let Some(value) = header.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                let answer = json!({ "id": id }).to_string();
                let head = format!(
                    "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nconnection: close\r\n\
                     content-length: {}\r\n\r\n{answer}",
                    answer.len()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                took.send(serde_json::from_slice(&body).unwrap()).await.unwrap();
            }
        });
        Self {
            url,
            taken,
            _task: task,
        }
    }
}

async fn ask(server: &Server, path: &str, text: &str) -> String {
    let url = format!("{}{path}", server.url);
    let response = Client::new().post(url).json(&json!(text)).send().await;
    let response = response.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{text}");
    let told: Value = response.json().await.unwrap();
    told.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn triage_answers_questions_and_makes_tickets_of_the_rest() {
    let mut tickets = Tickets::start().await;
    let server = Server::product_with(
        "triage.yaml",
        &[("${TICKETS_URL:-http://localhost:9100}", &tickets.url)],
    );
    let answer = ask(&server, "/triage", "What is the capital of Germany?").await;
    assert!(answer.contains("Berlin"), "{answer}");
    assert!(tickets.taken.try_recv().is_err(), "a question is no ticket");

    for (id, (text, queue)) in [
        (
            "You took the money from my card two times, please pay it back!",
            "refund",
        ),
        (
            "I am still waiting for my package, it should be here since Monday.",
            "delivery",
        ),
        ("xkcd qwerty foobar", "other"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ask(&server, "/triage", text).await;
        let ticket = tickets.taken.recv().await.unwrap();
        assert_eq!(
            (&ticket["queue"], &ticket["text"]),
            (&json!(queue), &json!(text))
        );
        let scores = ticket["scores"].as_object().unwrap();
        assert_eq!(scores.len(), 3, "{scores:?}");
        let number = format!("Your ticket is {}.", 100 + id);
        assert!(answer.ends_with(&number), "{answer}");
        assert_eq!(answer.contains(queue), queue != "other", "{answer}");
    }
    assert!(server.terminate().success());
}

#[tokio::test]
async fn the_translator_says_bonjour_monde() {
    let checkpoint = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../engine/tests/golden/checkpoints/translator"
    );
    // On this machine there is the small one that the engine's tests have.
    let theirs = "source: hf://google-t5/t5-small ";
    let server = Server::product_with(
        "translator.yaml",
        &[(theirs, &format!("source: {checkpoint} "))],
    );
    assert_eq!(
        ask(&server, "/translator", "Hello world!").await,
        "Bonjour Monde!"
    );

    // It is a model like the others, too, and says what it read and wrote.
    let body = json!({
        "model": "translator",
        "messages": [{"role": "user", "content": "Thank you very much."}],
    });
    let url = format!("{}/v1/chat/completions", server.url);
    let response = Client::new().post(url).json(&body).send().await.unwrap();
    let told: Value = response.json().await.unwrap();
    assert_eq!(
        told["choices"][0]["message"]["content"], "Merci beaucoup.",
        "{told}"
    );
    assert!(
        told["usage"]["prompt_tokens"].as_u64().unwrap() > 5,
        "{told}"
    );

    // Half a text has no translation: what is too long is the client's to cut.
    let url = format!("{}/translator", server.url);
    let long = "Where is the station? ".repeat(100);
    let response = Client::new()
        .post(url)
        .json(&json!(long))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 400);
    let told: Value = response.json().await.unwrap();
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("but the model takes at most 256"),
        "{message}"
    );
    assert!(server.terminate().success());
}
