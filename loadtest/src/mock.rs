//! A server of OpenAI's completions for tests: it answers at once, and long answers pause in the
//! middle until somebody asks for a single token.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::stream::unfold;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Frames after which a long answer pauses until a request for one token has been answered.
const PAUSE: u64 = 40;

/// Tokens of a long answer.
const LONG: u64 = 1000;

/// How it behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behaviour {
    /// Requests that are refused with 503 before one is answered.
    pub(crate) refusals: u32,
    /// Tokens that an answer has at most.
    pub(crate) most: u64,
}

/// It refuses nothing and gives all that is asked for.
pub(crate) const GENEROUS: Behaviour = Behaviour {
    refusals: 0,
    most: u64::MAX,
};

/// The server; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Mock {
    pub(crate) url: String,
    seen: Arc<Seen>,
    _serving: JoinSet<()>,
}

#[derive(Debug)]
struct Seen {
    most: u64,
    refusals: AtomicU32,
    history: watch::Sender<History>,
}

#[derive(Debug, Default)]
struct History {
    /// The prompts in the order in which they came, each with the frames sent of each answer by then.
    asked: Vec<(Vec<u64>, Vec<u64>)>,
    /// Frames sent of each answer.
    sent: Vec<u64>,
    /// Answers that are being read.
    open: usize,
    /// A single token has been asked for while others were open, and given.
    resumed: bool,
}

impl Mock {
    /// Starts to listen.
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen {
            most: behaviour.most,
            refusals: AtomicU32::new(behaviour.refusals),
            history: watch::Sender::new(History::default()),
        });
        let app = Router::new()
            .route("/v1/completions", post(complete))
            .with_state(Arc::clone(&seen));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            seen,
            _serving: serving,
        }
    }

    /// The prompts that were answered, in the order in which they came.
    pub(crate) fn prompts(&self) -> Vec<Vec<u64>> {
        let history = self.seen.history.borrow();
        history
            .asked
            .iter()
            .map(|(prompt, _)| prompt.clone())
            .collect()
    }

    /// Frames that each earlier answer had when a prompt of so many tokens came.
    pub(crate) fn frames_before_a_prompt_of(&self, tokens: usize) -> Vec<u64> {
        let history = self.seen.history.borrow();
        let mut asked = history.asked.iter();
        let (_, frames) = asked.find(|(prompt, _)| prompt.len() == tokens).unwrap();
        frames.clone()
    }

    /// Waits until every answer is read to its end or left.
    pub(crate) async fn nobody_listens(&self) {
        let mut history = self.seen.history.subscribe();
        history.wait_for(|history| history.open == 0).await.unwrap();
    }
}

async fn complete(State(seen): State<Arc<Seen>>, Json(body): Json<Value>) -> Response {
    let left = |left: u32| left.checked_sub(1);
    let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
    if seen.refusals.fetch_update(set, fetch, left).is_ok() {
        return (StatusCode::SERVICE_UNAVAILABLE, "starting").into_response();
    }
    if body["model"] != "m" {
        return (StatusCode::BAD_REQUEST, "no such model").into_response();
    }
    let prompt = body["prompt"].as_array().unwrap().iter();
    let prompt: Vec<u64> = prompt.map(|id| id.as_u64().unwrap()).collect();
    let length = body["max_tokens"].as_u64().unwrap().min(seen.most);
    let answer = Answer::open(seen, prompt, length);
    let frames = unfold(answer, |mut answer| async move {
        let frame = answer.next().await?;
        let frame = Bytes::from(format!("data: {frame}\n\n"));
        Some((Ok::<_, Infallible>(frame), answer))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(frames)).into_response()
}

/// An answer that is being read.
struct Answer {
    seen: Arc<Seen>,
    /// Its place among all.
    index: usize,
    prompt: usize,
    length: u64,
    sent: u64,
}

impl Answer {
    fn open(seen: Arc<Seen>, prompt: Vec<u64>, length: u64) -> Self {
        let (mut index, tokens) = (0, prompt.len());
        seen.history.send_modify(|history| {
            index = history.sent.len();
            let sent = history.sent.clone();
            history.asked.push((prompt, sent));
            history.sent.push(0);
            history.open += 1;
        });
        Self {
            seen,
            index,
            prompt: tokens,
            length,
            sent: 0,
        }
    }

    async fn next(&mut self) -> Option<String> {
        if self.sent == PAUSE && self.length >= LONG {
            let mut history = self.seen.history.subscribe();
            history.wait_for(|history| history.resumed).await.unwrap();
        }
        self.sent += 1;
        let (sent, index, length) = (self.sent, self.index, self.length);
        self.seen.history.send_modify(|history| {
            history.sent[index] = sent;
            // An answer is over when its last frame is asked for.
            history.resumed |= length == 1 && sent > 1 && history.open > 1;
        });
        match sent.checked_sub(length) {
            None | Some(0) => Some(r#"{"choices":[{"index":0,"text":"a"}]}"#.to_owned()),
            Some(1) => {
                let end = json!({
                    "choices": [{"index": 0, "text": "", "finish_reason": "length"}],
                    "usage": {"prompt_tokens": self.prompt, "completion_tokens": length},
                });
                Some(end.to_string())
            }
            Some(2) => Some("[DONE]".to_owned()),
            Some(_) => None,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.seen.history.send_modify(|history| history.open -= 1);
    }
}
