//! A server on a free port, the model behind it, and what tests ask of both.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};

use engine::testing::{FakeModel, Latch};
use engine::tokenizer::{GgufVocabulary, Tokenizer};
use engine::{Engine, EngineConfig, ModelLimits};
use gateway::{Edge, Gateway, GatewayConfig, SharedState, Telemetry, serve};
use llm_apps::stage::generate::{ModelInfo, TextModel, TextModelParts};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The id under which the model is served; it has a slash, as ids from the hub have.
pub(crate) const MODEL: &str = "tests/fake";
/// Another name of it.
pub(crate) const ALIAS: &str = "gpt-fake";
/// Longest prompt and answer.
pub(crate) const MAX_MODEL_LEN: usize = 512;
/// KV blocks of the model.
pub(crate) const BLOCKS: usize = 4096;

const BOS: u32 = 256;
const EOS: u32 = 258;
const VOCAB: usize = 259;
const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// A running server.
pub(crate) struct Server {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Keeps connections open between requests.
    pub(crate) client: Client,
    /// The model, for its engine's figures.
    pub(crate) model: TextModel,
    /// Asks the server to stop.
    pub(crate) shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `fake` with default configuration.
    pub(crate) async fn start(fake: FakeModel) -> Self {
        Self::configured(fake, GatewayConfig::default()).await
    }

    /// Serves `fake`.
    pub(crate) async fn configured(fake: FakeModel, config: GatewayConfig) -> Self {
        let model = text_model(fake);
        let state = new_state(config);
        state.serve(vec![model.clone()], []).unwrap();
        Self::of(state, model).await
    }

    /// Serves a state.
    pub(crate) async fn of(state: SharedState, model: TextModel) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone().cancelled_owned();
        let task = tokio::spawn(serve(listener, state, stop));
        Self {
            url,
            client: Client::new(),
            model,
            shutdown,
            task,
        }
    }

    /// Waits until the server has gone.
    pub(crate) async fn gone(self) {
        self.task.await.unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).json(body)
    }

    /// Sends `body`, with the model's name if it has none, and expects an answer.
    pub(crate) async fn ask(&self, path: &str, body: Value) -> Value {
        let response = self.send(path, body).await;
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{status}: {answer}");
        answer
    }

    /// Sends `body`, with the model's name if it has none.
    pub(crate) async fn send(&self, path: &str, mut body: Value) -> Response {
        if body.get("model").is_none() {
            body["model"] = json!(MODEL);
        }
        self.post(path, &body).send().await.unwrap()
    }

    /// A metric, summed over its labels; 0 when nothing was counted yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self
            .get("/metrics")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let lines = text.lines().filter(|line| {
            let (series, _) = line.rsplit_once(' ').unwrap_or_default();
            series == name
                || series
                    .strip_prefix(name)
                    .is_some_and(|r| r.starts_with('{'))
        });
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Waits until a metric has this value. Each look is a request, so nothing spins.
    pub(crate) async fn until(&self, name: &str, value: f64) {
        for _ in 0..100_000 {
            if self.metric(name).await == value {
                return;
            }
        }
        panic!(
            "{name} never became {value}, but {}",
            self.metric(name).await
        );
    }
}

/// A state without models, whose ids and times are always the same.
pub(crate) fn new_state(config: GatewayConfig) -> SharedState {
    let edge = Edge::new(
        || 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef,
        || 1_700_000_000,
    );
    Arc::new(Gateway::new(config, edge, Telemetry::new()))
}

/// A model whose answers follow from the draws.
pub(crate) fn drawing() -> FakeModel {
    drawing_up_to(MAX_MODEL_LEN)
}

/// The same, with prompts and answers of so many tokens.
pub(crate) fn drawing_up_to(max_model_len: usize) -> FakeModel {
    let limits = ModelLimits {
        vocab_size: VOCAB,
        max_model_len,
    };
    FakeModel::new(limits, BLOCKS)
}

/// A model that answers every prompt with `text`, a byte a token, then ends.
pub(crate) fn saying(text: &str) -> FakeModel {
    scripted(drawing(), text)
}

/// The same, of another model.
pub(crate) fn scripted(fake: FakeModel, text: &str) -> FakeModel {
    fake.scripted(text.bytes().map(u32::from).collect(), EOS)
}

/// Lets `steps` steps go; the next is held until the gate is dropped. Drop it before the engine.
pub(crate) fn holding_after(steps: usize, fake: FakeModel) -> (FakeModel, Gate) {
    let (gate, held) = mpsc::sync_channel(0);
    let mut done = 0;
    let fake = fake.on_step(move |_| {
        done += 1;
        if done > steps {
            // An error means that the gate is open.
            held.recv().ok();
        }
        Ok(())
    });
    (fake, Gate(gate))
}

/// Holds a model while it lives.
pub(crate) struct Gate(#[expect(dead_code, reason = "dropping it opens the gate")] SyncSender<()>);

/// Lets the model's steps go.
pub(crate) struct Pump {
    task: JoinHandle<Latch>,
    stop: CancellationToken,
}

impl Pump {
    pub(crate) fn start(latch: Latch) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    () = stopped.cancelled() => return latch,
                    step = latch.wait_async() => match step {
                        Some(_) => latch.release(),
                        None => return latch,
                    }
                }
            }
        });
        Self { task, stop }
    }

    /// Holds the next step again.
    pub(crate) async fn stop(self) -> Latch {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

/// The frames of a stream: what stands behind `data: `, in order.
pub(crate) fn frames(text: &str) -> Vec<String> {
    let frame = |block: &str| {
        block
            .strip_prefix("data: ")
            .unwrap_or_else(|| panic!("{block:?}"))
            .to_owned()
    };
    let blocks = text
        .split("\n\n")
        .filter(|b| !b.is_empty() && !b.starts_with(':'));
    blocks.map(frame).collect()
}

/// The chunks of a whole stream, which ends in `[DONE]`.
pub(crate) fn chunks(text: &str) -> Vec<Value> {
    let mut frames = frames(text);
    assert_eq!(frames.pop().as_deref(), Some("[DONE]"), "{text}");
    frames
        .iter()
        .map(|f| serde_json::from_str(f).unwrap())
        .collect()
}

/// A chat of one question.
pub(crate) fn question(more: Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": "Hi"}]});
    if let Value::Object(fields) = more {
        for (name, value) in fields {
            body[name] = value;
        }
    }
    body
}

pub(crate) fn text_model(fake: FakeModel) -> TextModel {
    named(MODEL, vec![ALIAS.to_owned()], fake)
}

/// A model of this name alone.
pub(crate) fn named_model(name: &str, fake: FakeModel) -> TextModel {
    named(name, Vec::new(), fake)
}

fn named(name: &str, aliases: Vec<String>, fake: FakeModel) -> TextModel {
    let tokenizer = tokenizer();
    let config = EngineConfig::default();
    TextModel::new(TextModelParts {
        engine: Engine::start(Box::new(fake), vec![EOS], &config)
            .unwrap()
            .into(),
        chat_template: Some(tokenizer.chat_template().unwrap()),
        tokenizer,
        info: ModelInfo {
            id: name.to_owned(),
            aliases,
            created: 1_600_000_000,
            eos: vec![EOS],
        },
        preparing: NonZeroUsize::MIN,
    })
}

/// Bytes and three special tokens.
fn tokenizer() -> Tokenizer {
    // How byte-level BPE writes bytes: printable Latin-1 as itself, the rest from U+0100 on.
    let mut others = 0x100..;
    let spell = |byte: u8| match byte {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => char::from_u32(others.next().unwrap()).unwrap(),
    };
    let spelled: Vec<String> = (0..=255).map(spell).map(String::from).collect();
    let mut tokens: Vec<&str> = spelled.iter().map(String::as_str).collect();
    tokens.extend(["<|bos|>", "<|im_start|>", "<|im_end|>"]);
    let vocabulary = GgufVocabulary {
        model: "gpt2",
        pre: Some("gpt-2"),
        tokens,
        token_types: Some([vec![1; 256], vec![3; 3]].concat()),
        merges: Some(Vec::new()),
        bos: Some(BOS),
        eos: Some(EOS),
        add_bos: Some(true),
        chat_template: Some(TEMPLATE),
        ..GgufVocabulary::default()
    };
    Tokenizer::from_gguf(&vocabulary).unwrap()
}
