//! The life of one replica: started, watched, explained, started again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::{EngineStats, ModelLimits};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tower::service_fn;

use super::backoff::Backoff;
use super::cell::{Cell, Client};
use super::config::{Facts, Program, ReplicaConfig, ReplicasConfig};
use super::logs::{self, LastLines};
use super::process::{Process, Starter, explained};
use super::proto::{self, PROTOCOL};
use super::pulse::Pulse;
use super::replicas::Opened;
use super::serve::{CONNECTION_WINDOW, MAX_MESSAGE, STREAM_WINDOW};
use super::wire::to_stats;

/// Who keeps one replica.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) cell: Arc<Cell>,
    pub(super) starter: Arc<Starter>,
    pub(super) program: Arc<Program>,
    pub(super) opens: Arc<ReplicaConfig>,
    pub(super) config: ReplicasConfig,
    /// Told how the first start went.
    pub(super) first: Option<oneshot::Sender<Result<Opened, String>>>,
}

/// How a process ended, and how long it had been ready.
struct Life {
    why: String,
    ready: Duration,
}

impl Life {
    fn new(why: String, ready: Option<Instant>) -> Self {
        Self {
            why,
            ready: ready.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }
}

impl Supervisor {
    /// Keeps the replica until this is dropped. One that cannot be started for the first time is told of
    /// and not tried again.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let life = self.live().await;
            if let Some(first) = self.first.take() {
                first.send(Err(life.why)).ok();
                return;
            }
            let next = backoff.ended(life.ready);
            let name = self.cell.name();
            let (why, after) = (&life.why, next.after);
            if next.is_crash_loop {
                tracing::error!(
                    replica = name,
                    ?after,
                    "replica {why}; it ends again and again"
                );
            } else {
                tracing::warn!(replica = name, ?after, "replica {why}; it is started again");
            }
            self.cell.ended(life.why, next.is_crash_loop);
            sleep(next.after).await;
        }
    }

    /// One process, from its start to its end.
    async fn live(&mut self) -> Life {
        let started = self.starter.start(&self.program, self.cell.name()).await;
        let Process { mut child, socket } = match started {
            Ok(process) => process,
            Err(error) => return Life::new(format!("could not be started: {error}"), None),
        };
        self.cell.starts(child.id());
        let last = LastLines::default();
        let mut tasks = JoinSet::new();
        if let Some(log) = child.stderr.take() {
            tasks.spawn(logs::copy(log, self.cell.name().to_owned(), last.clone()));
        }
        let mut ready = None;
        let serves = self.serve(socket, &mut ready);
        let given_up = tokio::select! {
            why = serves => Some(why),
            status = child.wait() => {
                drain(&mut tasks).await;
                let why = explained(status, last.last());
                return Life::new(why, ready);
            }
        };
        // A process whose socket closed is about to end by itself, and knows why.
        let ends = timeout(Duration::from_millis(200), child.wait()).await;
        let why = match (ends, given_up) {
            // It ended because it was left.
            (Ok(Ok(status)), Some(why)) if status.success() => why,
            (Ok(status), _) => {
                drain(&mut tasks).await;
                explained(status, last.last())
            }
            (Err(_), why) => {
                child.kill().await.ok();
                why.unwrap_or_default()
            }
        };
        Life::new(why, ready)
    }

    /// Opens the model and listens to its pulse until there is none; says why it is given up.
    async fn serve(&mut self, socket: UnixStream, ready: &mut Option<Instant>) -> String {
        let mut client = match connect(socket).await {
            Ok(client) => client,
            Err(error) => return format!("could not be spoken to: {error}"),
        };
        let mut beats = match client.watch(proto::WatchRequest {}).await {
            Ok(beats) => beats.into_inner(),
            Err(status) => return format!("could not be watched: {}", status.message()),
        };
        let mut asked = client.clone();
        let opened = tokio::select! {
            opened = open(&mut asked, &self.opens) => opened,
            why = self.listen(&mut beats) => return why,
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(status) => return status.message().to_owned(),
        };
        *ready = Some(Instant::now());
        self.cell.runs(client);
        if let Some(first) = self.first.take() {
            first.send(Ok(opened)).ok();
        }
        tracing::info!(replica = self.cell.name(), "replica is ready");
        self.listen(&mut beats).await
    }

    async fn listen(&self, beats: &mut Streaming<proto::Status>) -> String {
        let mut pulse = Pulse::new(&self.config, Instant::now());
        loop {
            let dead = match timeout(pulse.listen(), beats.message()).await {
                Ok(Ok(Some(beat))) => {
                    let stats: EngineStats = to_stats(&beat);
                    self.cell.says(stats);
                    pulse.hears(&stats, Instant::now())
                }
                Ok(Ok(None)) => return "closed its connection".to_owned(),
                Ok(Err(status)) => return format!("was lost: {}", status.message()),
                Err(_) => pulse.hears_nothing(),
            };
            if let Some(dead) = dead {
                return dead.to_string();
            }
        }
    }
}

/// The process is gone, so its log ends.
async fn drain(tasks: &mut JoinSet<()>) {
    // A grandchild may hold the log open.
    timeout(Duration::from_secs(1), tasks.join_next())
        .await
        .ok();
}

/// A client on a socket that is connected; there is no second.
pub(super) async fn connect(socket: UnixStream) -> Result<Client, tonic::transport::Error> {
    let socket = Mutex::new(Some(socket));
    let connector = service_fn(move |_| {
        let socket = socket.lock().take();
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the replica is gone");
        std::future::ready(socket.map(TokioIo::new).ok_or_else(gone))
    });
    // The name is a header that nobody reads.
    let channel: Channel = Endpoint::from_static("http://replica")
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_with_connector(connector)
        .await?;
    Ok(Client::new(channel)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE))
}

/// Proves that both speak one protocol, and has the model opened.
pub(super) async fn open(client: &mut Client, opens: &ReplicaConfig) -> Result<Opened, Status> {
    let unusable = |error: &dyn std::fmt::Display| Status::new(Code::Internal, error.to_string());
    let config_json = serde_json::to_string(opens).map_err(|error| unusable(&error))?;
    let asked = proto::OpenRequest {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config_json,
    };
    let reply = client.open(asked).await?.into_inner();
    let size = |size: u64| usize::try_from(size).map_err(|error| unusable(&error));
    let facts: Facts = serde_json::from_str(&reply.facts_json).map_err(|error| unusable(&error))?;
    Ok(Opened {
        limits: ModelLimits {
            vocab_size: size(reply.vocab_size)?,
            max_model_len: size(reply.max_model_len)?,
        },
        eos_token_ids: reply.eos_token_ids,
        facts,
    })
}
