//! What a replica writes to its standard error, in the server's log.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Lines that are kept, to explain an end by.
const KEPT: usize = 5;
/// Bytes of a line; what is longer is several.
const LONGEST: u64 = 8 << 10;

/// The last lines.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    fn push(&self, line: String) {
        let mut lines = self.0.lock();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The last of them.
    pub(super) fn last(&self) -> Option<String> {
        self.0.lock().back().cloned()
    }
}

/// Copies lines to the log until there are no more, each with the replica's name.
pub(super) async fn copy(from: impl AsyncRead + Unpin, replica: String, last: LastLines) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut from).take(LONGEST).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        say(&replica, text);
        last.push(text.to_owned());
    }
}

/// A replica's line begins with its level. One that does not is of a panic, or of the system.
fn say(replica: &str, line: &str) {
    match line
        .split_once(' ')
        .map(|(level, rest)| (level, rest.trim_start()))
    {
        Some(("ERROR", rest)) => tracing::error!("[{replica}] {rest}"),
        Some(("INFO", rest)) => tracing::info!("[{replica}] {rest}"),
        Some(("DEBUG", rest)) => tracing::debug!("[{replica}] {rest}"),
        Some(("TRACE", rest)) => tracing::trace!("[{replica}] {rest}"),
        Some(("WARN", rest)) => tracing::warn!("[{replica}] {rest}"),
        Some(_) | None => tracing::warn!("[{replica}] {line}"),
    }
}
