//! One child process.

use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Instrument;

use super::options::ProcessOptions;
use super::said::{Said, listen};
use super::waiting::{Ticket, Waiting};
use super::wire::{Line, line};
use crate::stage::StageError;

/// A running child. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    lines: mpsc::Sender<(u64, Arc<[u8]>)>,
    state: Arc<State>,
    /// Why it ended, when it has.
    ended: watch::Receiver<Option<String>>,
    /// Reading, writing, and the child itself.
    _tasks: JoinSet<()>,
}

/// What is known of a child.
#[derive(Debug)]
struct State {
    waiting: Arc<Waiting>,
    /// Whether it answered anything.
    answered: AtomicBool,
    /// Whether it said that it is ready.
    ready: watch::Sender<bool>,
    said: Said,
}

/// Lines on their way to the child; more wait in their requests.
const QUEUED_LINES: usize = 16;
/// Time for the last words of a child that has ended: something else may hold its error output open.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Worker {
    /// Starts the program. `offered` becomes false the moment at which it can be asked no more.
    ///
    /// # Errors
    /// [`StageError::Unavailable`] when it cannot be started.
    pub(super) fn start(
        options: &ProcessOptions,
        offered: watch::Sender<bool>,
    ) -> Result<Self, StageError> {
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
        let state = Arc::new(State {
            waiting: Arc::new(Waiting::new()),
            answered: AtomicBool::new(false),
            ready: watch::Sender::new(false),
            said: Said::default(),
        });
        let (heard, silence) = oneshot::channel();
        let (said, speaker) = (state.said.clone(), program.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(write(stdin, queue, Arc::clone(&state.waiting)));
        let listening = async move {
            listen(stderr, speaker, said).await;
            // Nobody may listen any more.
            let _ = heard.send(());
        };
        tasks.spawn(listening.in_current_span());
        let (ends, ended) = watch::channel(None);
        let (known, most, program) = (Arc::clone(&state), options.max_line_bytes, program.clone());
        let living = async move {
            let reason = read(stdout, &known, most).await;
            offered.send_replace(false);
            let left = known.waiting.close();
            let reason = end(child, &program, &reason, silence, &known.said).await;
            if let Some(left) = left {
                left.fail(&reason);
            }
            ends.send_replace(Some(reason));
        };
        tasks.spawn(living.in_current_span());
        Ok(Self {
            lines,
            state,
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

    /// Waits until it says that it is ready.
    pub(super) async fn said_ready(&self) {
        // The other end is in this same state.
        drop(self.state.ready.subscribe().wait_for(|ready| *ready).await);
    }

    /// `reason`, and the last lines of its error output.
    pub(super) fn explains(&self, reason: &str) -> String {
        self.state.said.explains(reason)
    }

    /// Whether it can be asked.
    pub(super) fn is_alive(&self) -> bool {
        self.state.waiting.is_open()
    }

    /// Whether it has answered anything.
    pub(super) fn has_answered(&self) -> bool {
        self.state.answered.load(Ordering::Relaxed)
    }

    /// For how long it has written nothing although it was asked.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        self.state.waiting.silent_for()
    }

    /// Takes a place among those who wait, which must be had before the line is sent.
    pub(super) fn ticket(&self, id: u64) -> Option<Ticket> {
        self.state.waiting.ticket(id)
    }

    /// Sends a line, when there is room. One that cannot be sent any more is forgotten: its ticket says
    /// why.
    pub(super) async fn send(&self, id: u64, line: Arc<[u8]>) {
        drop(self.lines.send((id, line)).await);
    }
}

async fn write(
    mut stdin: ChildStdin,
    mut queue: mpsc::Receiver<(u64, Arc<[u8]>)>,
    waiting: Arc<Waiting>,
) {
    while let Some((id, line)) = queue.recv().await {
        if !waiting.give(id) {
            continue;
        }
        if stdin.write_all(&line).await.is_err() || stdin.flush().await.is_err() {
            // The reader sees the end of the child and says so.
            return;
        }
    }
}

/// Hands out answers until there are no more; says why.
async fn read(stdout: ChildStdout, state: &State, most: usize) -> String {
    let mut reader = BufReader::new(stdout);
    loop {
        match line(&mut reader, most).await {
            Ok(Some(line)) => match Line::parse(&line) {
                Ok(Line::Reply(reply)) => {
                    state.answered.store(true, Ordering::Relaxed);
                    state.waiting.answer(reply);
                }
                Ok(Line::Ready) => drop(state.ready.send_replace(true)),
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

/// Ends a child that closed its output, or wrote what is no answer: it is of no use any more. Says why.
async fn end(
    mut child: Child,
    program: &str,
    reason: &str,
    silence: oneshot::Receiver<()>,
    said: &Said,
) -> String {
    drop(child.start_kill());
    let status = child.wait().await;
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    drop(timeout(LAST_WORDS, silence).await);
    tracing::warn!(
        program,
        status,
        reason,
        said = said.last(),
        "a child process has ended"
    );
    format!("`{program}` has ended ({status}): {reason}")
}
