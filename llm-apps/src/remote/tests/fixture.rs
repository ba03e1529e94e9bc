//! Servers in tasks, on models that remember through their blocks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::model::ModelInfo;
use engine::testing::FakeModel;
use engine::tokenizer::{GgufVocabulary, Tokenizer};
use engine::{
    Engine, EngineConfig, EngineStats, GenerateRequest, Isa, ModelLimits, OpenModel,
    SamplingParams, TokenEvent,
};
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::remote::cell::Client;
use crate::remote::config::ReplicaConfig;
use crate::remote::replicas::{Opened, Replicas, Shared};
use crate::remote::serve::serve_with;
use crate::remote::supervisor::{connect, open};

pub(super) const EOS: u32 = 0;

pub(in crate::remote) const LIMITS: ModelLimits = ModelLimits {
    vocab_size: 256,
    max_model_len: 4096,
};

/// How long an answer waits for a replica.
const PATIENCE: Duration = Duration::from_secs(2);

/// A set of replicas, each a task.
pub(super) struct Bench {
    pub(super) replicas: Replicas,
    shared: Arc<Shared>,
    servers: Vec<Server>,
}

/// One replica's server and what it is on.
pub(super) struct Server {
    tasks: JoinSet<()>,
    pub(super) engine: Engine,
    pub(super) client: Client,
    opened: Opened,
}

/// A model that answers by a hash of all tokens before.
pub(super) fn model() -> FakeModel {
    FakeModel::new(LIMITS, 1024)
}

pub(super) fn request(params: SamplingParams) -> GenerateRequest {
    let prompt: Vec<u32> = (1..40).collect();
    GenerateRequest::new(prompt.into(), 0, Arc::new(params), &LIMITS).unwrap()
}

/// What the answer to `request` is on one engine.
pub(super) fn undisturbed(request: &GenerateRequest) -> Vec<TokenEvent> {
    let engine = Engine::start(Box::new(model()), vec![EOS], &EngineConfig::default()).unwrap();
    let mut stream = engine.submit(request.clone()).unwrap();
    std::iter::from_fn(|| stream.recv()).collect()
}

pub(super) async fn all(stream: impl Stream<Item = TokenEvent>) -> Vec<TokenEvent> {
    stream.collect().await
}

impl Server {
    /// Serves `model` at one end of a socket and opens it at the other.
    pub(super) async fn start(model: FakeModel) -> Self {
        let engine = Engine::start(Box::new(model), vec![EOS], &EngineConfig::default()).unwrap();
        let open_model = OpenModel {
            engine: engine.clone(),
            tokenizer: tokenizer(),
            eos_token_ids: vec![EOS],
            info: info(),
        };
        let given = Mutex::new(Some(open_model));
        let opens =
            move |_: &ReplicaConfig| given.lock().take().ok_or_else(|| "opened twice".to_owned());
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(serve_with(theirs, Arc::new(opens)).await) });
        let mut client = connect(ours).await.unwrap();
        let config = ReplicaConfig {
            path: PathBuf::from("fake"),
            engine: EngineConfig::default(),
        };
        let opened = open(&mut client, &config).await.unwrap();
        Self {
            tasks,
            engine,
            client,
            opened,
        }
    }

    /// Ends it as `kill -9` ends a process: its socket closes.
    pub(super) async fn kill(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl Bench {
    pub(super) async fn start(models: impl IntoIterator<Item = FakeModel>) -> Self {
        let mut servers = Vec::new();
        for model in models {
            servers.push(Server::start(model).await);
        }
        let names = (0..servers.len()).map(|number| format!("fake/{number}"));
        let shared = Shared::new(names, 64, PATIENCE);
        for (cell, server) in shared.cells.iter().zip(&servers) {
            cell.starts(None);
            cell.runs(server.client.clone());
        }
        let opened = servers[0].opened.clone();
        Self {
            replicas: Replicas::of(Arc::clone(&shared), opened, JoinSet::new()),
            shared,
            servers,
        }
    }

    /// It says how its engine does.
    pub(super) fn says(&self, replica: usize, steps: u64, blocks: usize) {
        let mut stats = EngineStats::default();
        stats.counters.steps = steps;
        stats.blocks.total = blocks;
        self.shared.cells[replica].says(stats);
    }

    pub(super) fn engine(&self, replica: usize) -> &Engine {
        &self.servers[replica].engine
    }

    /// The replica that computes something.
    pub(super) fn serving(&self) -> Option<usize> {
        self.shared.cells.iter().position(|cell| cell.ongoing() > 0)
    }

    /// Ends one; its supervisor would notice.
    pub(super) async fn kill(&mut self, replica: usize) {
        self.servers[replica].kill().await;
        self.shared.cells[replica].ended("was killed".to_owned(), false);
    }

    /// Another takes its place, as when it is started again.
    pub(super) async fn replace(&mut self, replica: usize, model: FakeModel) {
        let server = Server::start(model).await;
        self.shared.cells[replica].starts(None);
        self.shared.cells[replica].runs(server.client.clone());
        self.servers[replica] = server;
    }
}

fn info() -> ModelInfo {
    ModelInfo {
        name: "fake".to_owned(),
        architecture: "llama",
        parameters: 1,
        file_bytes: 1,
        weight_bytes: 1,
        kv_cache_bytes: 1,
        num_blocks: 1024,
        isa: Isa::Portable,
        max_positions: 4096,
        notes: Vec::new(),
    }
}

/// Each byte is a token, but for the one that ends answers.
pub(in crate::remote) fn tokenizer() -> Tokenizer {
    let mut others = 0x100..;
    let spell = |byte: u8| match byte {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => char::from_u32(others.next().unwrap()).unwrap(),
    };
    let spelled: Vec<String> = (0..=255).map(spell).map(String::from).collect();
    let mut kinds = vec![1; 256];
    kinds[EOS as usize] = 3;
    let vocabulary = GgufVocabulary {
        model: "gpt2",
        pre: Some("gpt-2"),
        tokens: spelled.iter().map(String::as_str).collect(),
        token_types: Some(kinds),
        merges: Some(Vec::new()),
        eos: Some(EOS),
        ..GgufVocabulary::default()
    };
    Tokenizer::from_gguf(&vocabulary).unwrap()
}
