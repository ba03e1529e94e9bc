//! What a child writes to its error output.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::BufReader;
use tokio::process::ChildStderr;

use super::wire::line;

/// The last lines of it. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(Arc<Mutex<VecDeque<String>>>);

/// Lines that are kept.
const MAX_LINES: usize = 8;
/// Characters of each.
const MAX_CHARS: usize = 200;
/// Longest line that is logged, in bytes.
const MAX_LOG_LINE: usize = 8 << 10;

impl Said {
    fn push(&self, line: &str) {
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        let mut lines = self.0.lock();
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(MAX_CHARS).collect());
    }

    /// The lines, from the oldest.
    pub(super) fn last(&self) -> String {
        let lines = self.0.lock();
        lines
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// `reason`, and what was said.
    pub(super) fn explains(&self, reason: &str) -> String {
        match self.last() {
            said if said.is_empty() => reason.to_owned(),
            said => format!("{reason}; it said last: {said}"),
        }
    }
}

/// Logs and keeps what comes. A line that is too long ends that, not the child: the rest is read and
/// thrown away.
pub(super) async fn listen(stderr: ChildStderr, program: String, kept: Said) {
    let mut reader = BufReader::new(stderr);
    while let Ok(Some(line)) = line(&mut reader, MAX_LOG_LINE).await {
        let said = String::from_utf8_lossy(&line);
        tracing::info!(program, said = %said, "a child process says");
        kept.push(&said);
    }
    drop(tokio::io::copy(&mut reader, &mut tokio::io::sink()).await);
}
