//! The stage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::child::Worker;
use super::options::ProcessOptions;
use super::wire::Question;
use crate::payload::{Payload, VariableError};
use crate::stage::{Call, Stage, StageError};

/// Asks a child process.
#[derive(Debug)]
pub struct ProcessStage {
    options: ProcessOptions,
    next_id: AtomicU64,
    child: Mutex<Child>,
}

/// The child, and when the next one may be started.
#[derive(Debug, Default)]
struct Child {
    worker: Option<Arc<Worker>>,
    started: Option<Instant>,
    pause: Duration,
}

/// How long a child must live until it counts as started.
const PROVES: Duration = Duration::from_secs(1);
/// After a child that died early.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that lived so long did not die at its start.
const SETTLED: Duration = Duration::from_secs(10);

impl ProcessStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage whose child runs. One that ends within its first second was not fit to start, and what
    /// it would have replaced stays.
    ///
    /// # Errors
    /// [`StageError`] says what became of the child.
    pub async fn start(options: ProcessOptions) -> Result<Self, StageError> {
        let stage = Self {
            options,
            next_id: AtomicU64::new(1),
            child: Mutex::default(),
        };
        let worker = stage.worker().await?;
        match timeout(PROVES, worker.ended()).await {
            Ok(reason) => Err(StageError::Unavailable(reason)),
            Err(_) => Ok(stage),
        }
    }

    /// The child, started if there is none.
    async fn worker(&self) -> Result<Arc<Worker>, StageError> {
        let mut child = self.child.lock().await;
        if let Some(worker) = child.worker.as_ref().filter(|worker| worker.is_alive()) {
            return Ok(Arc::clone(worker));
        }
        let now = Instant::now();
        if let Some(started) = child.started {
            let lived = now - started;
            if lived >= SETTLED {
                child.pause = Duration::ZERO;
            } else if lived < child.pause {
                let left = child.pause - lived;
                return Err(StageError::Unavailable(format!(
                    "`{}` keeps ending and is started again in {left:.1?}",
                    self.options.command.join(" ")
                )));
            }
        }
        child.worker = None;
        child.started = Some(now);
        child.pause = (child.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let worker = Arc::new(Worker::start(&self.options)?);
        child.worker = Some(Arc::clone(&worker));
        Ok(worker)
    }

    /// The line of a request.
    fn question<'a>(&'a self, id: u64, payload: &'a Payload) -> Result<Vec<u8>, StageError> {
        let variable = |name: &'a String| {
            let value = payload.get(name);
            let value = value.ok_or_else(|| VariableError::Missing(name.clone()))?;
            Ok((name.as_str(), value))
        };
        let variables = self.options.reads.iter().map(variable);
        let variables: Result<BTreeMap<_, _>, VariableError> = variables.collect();
        let question = Question {
            id,
            variables: variables?,
        };
        let mut line =
            serde_json::to_vec(&question).map_err(|error| StageError::failed(error.to_string()))?;
        if line.len() > self.options.max_line_bytes {
            return Err(StageError::invalid(format!(
                "the request has {} bytes for the child process, and its lines may have {}",
                line.len(),
                self.options.max_line_bytes
            )));
        }
        line.push(b'\n');
        Ok(line)
    }

    /// Puts the answer into the payload.
    fn take(&self, answer: Map<String, Value>, payload: &mut Payload) -> Result<(), StageError> {
        if let Some(name) = self
            .options
            .writes
            .iter()
            .find(|name| !answer.contains_key(*name))
        {
            return Err(StageError::failed(format!(
                "the answer of the child process has no `{name}`"
            )));
        }
        for (name, value) in answer {
            if !self.options.writes.contains(&name) {
                return Err(StageError::failed(format!(
                    "the answer of the child process has `{name}`, which is not among its `writes`"
                )));
            }
            payload.set(name, value);
        }
        Ok(())
    }
}

impl Stage for ProcessStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, _: &Call) -> Result<Payload, StageError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let line = self.question(id, &payload)?;
        let worker = self.worker().await?;
        let asked = async {
            let gone = || StageError::Unavailable("the child process has ended".to_owned());
            let ticket = worker.ticket(id).ok_or_else(gone)?;
            worker.send(line).await;
            ticket.answer().await
        };
        let late = |_| {
            StageError::Unavailable(format!(
                "the child process did not answer within {:?}",
                self.options.timeout
            ))
        };
        let answer = timeout(self.options.timeout, asked).await.map_err(late)??;
        self.take(answer, &mut payload)?;
        Ok(payload)
    }

    /// A child that is gone is started again, if it may be.
    async fn check_health(&self) -> Result<(), StageError> {
        self.worker().await.map(drop)
    }
}
