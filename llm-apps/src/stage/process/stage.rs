//! The stage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Instrument;

use super::child::Worker;
use super::options::ProcessOptions;
use super::supervisor::{Phase, begin, supervise};
use super::waiting::Lost;
use super::wire::Question;
use crate::payload::{Payload, VariableError};
use crate::stage::{Call, Stage, StageError};

/// Asks a child process.
#[derive(Debug)]
pub struct ProcessStage {
    options: Arc<ProcessOptions>,
    next_id: AtomicU64,
    phase: watch::Receiver<Phase>,
    ready: watch::Receiver<bool>,
    /// Starts another child when one has ended.
    _supervisor: JoinSet<()>,
}

impl ProcessStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage whose child takes requests. One that ends before it does was not fit to start, and what it
    /// would have replaced stays.
    ///
    /// # Errors
    /// [`StageError`] says what became of the child.
    pub async fn start(options: ProcessOptions) -> Result<Self, StageError> {
        let options = Arc::new(options);
        let (offered, ready) = watch::channel(false);
        let worker = begin(&options, &offered, true).await?;
        let (phases, phase) = watch::channel(Phase::Starting);
        let mut supervisor = JoinSet::new();
        let supervises = supervise(Arc::clone(&options), worker, phases, offered);
        supervisor.spawn(supervises.in_current_span());
        Ok(Self {
            options,
            next_id: AtomicU64::new(1),
            phase,
            ready,
            _supervisor: supervisor,
        })
    }

    /// The child, when there is one that takes requests.
    async fn worker(&self) -> Result<Arc<Worker>, StageError> {
        let mut phase = self.phase.clone();
        let running = phase.wait_for(|phase| phase.worker().is_some()).await;
        let worker = running.ok().and_then(|phase| phase.worker().cloned());
        worker.ok_or_else(|| StageError::failed("nobody starts the child process"))
    }

    /// Asks a child; the next one, where one ends before it was given the question.
    async fn ask(&self, id: u64, line: Arc<[u8]>) -> Result<Map<String, Value>, StageError> {
        loop {
            let worker = self.worker().await?;
            let Some(ticket) = worker.ticket(id) else {
                continue;
            };
            worker.send(id, Arc::clone(&line)).await;
            match ticket.answer().await {
                Ok(answer) => return Ok(answer),
                Err(Lost::Failed(error)) => return Err(error),
                Err(Lost::NotGiven) => {}
            }
        }
    }

    /// Why there is no answer in time.
    fn late(&self) -> StageError {
        let within = self.options.timeout;
        StageError::Unavailable(match &*self.phase.borrow() {
            Phase::Running(_) => format!("the child process did not answer within {within:?}"),
            Phase::Starting | Phase::Down(_) => {
                format!("the child process has ended, and no other was ready within {within:?}")
            }
        })
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
        let asked = timeout(self.options.timeout, self.ask(id, line.into())).await;
        let answer = asked.map_err(|_| self.late())??;
        self.take(answer, &mut payload)?;
        Ok(payload)
    }

    /// By progress: a child that was asked and writes nothing for longer than an answer may take is
    /// frozen. So is a stage whose children cannot start any more.
    async fn check_health(&self) -> Result<(), StageError> {
        let silent = match &*self.phase.borrow() {
            Phase::Starting => None,
            Phase::Down(reason) => return Err(StageError::Unavailable(reason.clone())),
            Phase::Running(worker) => worker.silent_for(),
        };
        match silent.filter(|silent| *silent > self.options.timeout) {
            None => Ok(()),
            Some(silent) => Err(StageError::Unavailable(format!(
                "the child process was asked and has written nothing for {silent:.1?}, and its \
                 `timeout_s` is {:?}",
                self.options.timeout
            ))),
        }
    }

    fn ready(&self) -> Option<watch::Receiver<bool>> {
        Some(self.ready.clone())
    }
}
