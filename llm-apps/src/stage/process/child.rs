//! One child process and who waits for it.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::options::ProcessOptions;
use super::wire::{Reply, line};
use crate::stage::StageError;

/// A running child. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    lines: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Waiting>,
    /// Why it ended, when it has.
    ended: watch::Receiver<Option<String>>,
    /// Reading, writing, and the child itself.
    _tasks: JoinSet<()>,
}

/// What a request comes to.
pub(super) type Outcome = Result<Map<String, Value>, StageError>;

/// The requests that have no answer yet; `None` when the child is gone and there will be none.
#[derive(Debug)]
struct Waiting {
    requests: Mutex<Option<HashMap<u64, oneshot::Sender<Outcome>>>>,
}

/// A request that waits. Dropping it forgets the answer.
#[derive(Debug)]
pub(super) struct Ticket {
    id: u64,
    waiting: Arc<Waiting>,
    answer: oneshot::Receiver<Outcome>,
}

/// Lines on their way to the child; more wait in their requests.
const QUEUED_LINES: usize = 16;
/// Longest line of the child's errors that is logged, in bytes.
const MAX_LOG_LINE: usize = 8 << 10;

impl Worker {
    /// Starts the program.
    ///
    /// # Errors
    /// [`StageError::Unavailable`] when it cannot be started.
    pub(super) fn start(options: &ProcessOptions) -> Result<Self, StageError> {
        let (program, arguments) = options
            .command
            .split_first()
            .ok_or_else(|| StageError::failed("the command is empty"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(&options.folder)
            .envs(options.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                StageError::Unavailable(format!("`{program}` cannot be started: {error}"))
            })?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(StageError::failed("the child has no pipes"));
        };
        let (lines, queue) = mpsc::channel(QUEUED_LINES);
        let waiting = Arc::new(Waiting {
            requests: Mutex::new(Some(HashMap::new())),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(write(stdin, queue));
        tasks.spawn(log(stderr, program.clone()));
        let (ends, ended) = watch::channel(None);
        let (open, most, program) = (
            Arc::clone(&waiting),
            options.max_line_bytes,
            program.clone(),
        );
        tasks.spawn(async move {
            let reason = read(stdout, &open, most).await;
            // A child that closes its output, or writes what is no answer, is of no use any more.
            drop(child.start_kill());
            let status = child.wait().await;
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            tracing::warn!(program, status, reason, "a child process has ended");
            let reason = format!("`{program}` has ended ({status}): {reason}");
            open.close(&reason);
            ends.send_replace(Some(reason));
        });
        Ok(Self {
            lines,
            waiting,
            ended,
            _tasks: tasks,
        })
    }

    /// Waits until it has ended; says why.
    pub(super) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        let reason = ended.wait_for(Option::is_some).await;
        let reason = reason.ok().and_then(|reason| reason.clone());
        reason.unwrap_or_else(|| "the child process has ended".to_owned())
    }

    /// Whether it can be asked.
    pub(super) fn is_alive(&self) -> bool {
        self.waiting.requests.lock().is_some()
    }

    /// Takes a place among those who wait, which must be had before the line is sent.
    pub(super) fn ticket(&self, id: u64) -> Option<Ticket> {
        let (sender, answer) = oneshot::channel();
        self.waiting.requests.lock().as_mut()?.insert(id, sender);
        Some(Ticket {
            id,
            waiting: Arc::clone(&self.waiting),
            answer,
        })
    }

    /// Sends a line, when there is room. One that cannot be sent any more is forgotten: its ticket says
    /// why.
    pub(super) async fn send(&self, line: Vec<u8>) {
        drop(self.lines.send(line).await);
    }
}

impl Ticket {
    /// The answer.
    pub(super) async fn answer(mut self) -> Outcome {
        let gone = || StageError::Unavailable("the child process has ended".to_owned());
        (&mut self.answer).await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(requests) = self.waiting.requests.lock().as_mut() {
            requests.remove(&self.id);
        }
    }
}

impl Waiting {
    /// Hands an answer to who waits for it; nobody may wait any more.
    fn answer(&self, reply: Reply) {
        let waiter = self
            .requests
            .lock()
            .as_mut()
            .and_then(|requests| requests.remove(&reply.id));
        let outcome = match (reply.variables, reply.error) {
            (_, Some(error)) => Err(StageError::Failed(error)),
            (Some(variables), None) => Ok(variables),
            (None, None) => Err(StageError::failed(
                "the answer has neither `variables` nor `error`",
            )),
        };
        if let Some(waiter) = waiter {
            drop(waiter.send(outcome));
        }
    }

    /// Tells all who wait that there will be no answer.
    fn close(&self, reason: &str) {
        let requests = self.requests.lock().take();
        for waiter in requests.into_iter().flatten().map(|(_, waiter)| waiter) {
            drop(waiter.send(Err(StageError::Unavailable(reason.to_owned()))));
        }
    }
}

async fn write(mut stdin: ChildStdin, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = queue.recv().await {
        if stdin.write_all(&line).await.is_err() || stdin.flush().await.is_err() {
            // The reader sees the end of the child and says so.
            return;
        }
    }
}

/// Hands out answers until there are no more; says why.
async fn read(stdout: ChildStdout, waiting: &Waiting, most: usize) -> String {
    let mut reader = BufReader::new(stdout);
    loop {
        match line(&mut reader, most).await {
            Ok(Some(line)) => match serde_json::from_slice(&line) {
                Ok(reply) => waiting.answer(reply),
                Err(error) => return format!("it wrote a line that is no answer: {error}"),
            },
            Ok(None) => return "its output has ended".to_owned(),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return format!("it wrote a line of more than {most} bytes");
            }
            Err(error) => return error.to_string(),
        }
    }
}

/// Logs what the child writes to its error output. A line that is too long ends that, not the child:
/// the rest is read and thrown away.
async fn log(stderr: ChildStderr, program: String) {
    let mut reader = BufReader::new(stderr);
    while let Ok(Some(line)) = line(&mut reader, MAX_LOG_LINE).await {
        tracing::info!(program, said = %String::from_utf8_lossy(&line), "a child process says");
    }
    drop(tokio::io::copy(&mut reader, &mut tokio::io::sink()).await);
}
