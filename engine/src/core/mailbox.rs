//! The way into the engine's thread, which can be closed from either end without losing a letter.
//!
//! A channel alone is not enough: what lies in its queue when the reader goes away stays there for
//! as long as a sender lives, and whoever waits for an answer would wait as long. So sending and
//! closing exclude each other: what was sent before the close is read or dropped, and what comes
//! after it is refused.

use std::sync::Arc;

use flume::{Receiver, Sender};
use parking_lot::Mutex;

use crate::core::command::Command;
use crate::error::EngineError;

/// The senders' end.
#[derive(Debug)]
pub(crate) struct Mailbox {
    commands: Sender<Command>,
    open: Arc<Mutex<bool>>,
}

/// The thread's end. Dropping it closes the mailbox and drops what was not read; the streams of
/// dropped submissions report a shutdown.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(super) commands: Receiver<Command>,
    open: Arc<Mutex<bool>>,
}

/// Both ends. Every held request has at most one command in it, and one more closes it; so with
/// room for `max_requests` and one it is never found full.
pub(crate) fn mailbox(max_requests: usize) -> (Mailbox, Inbox) {
    let (sender, receiver) = flume::bounded(max_requests.saturating_add(1));
    let open = Arc::new(Mutex::new(true));
    let mailbox = Mailbox {
        commands: sender,
        open: Arc::clone(&open),
    };
    let inbox = Inbox {
        commands: receiver,
        open,
    };
    (mailbox, inbox)
}

impl Mailbox {
    /// Hands a command over; never waits for the reader.
    ///
    /// # Errors
    /// [`EngineError::ShuttingDown`] when either end has closed it.
    pub(crate) fn send(&self, command: Command) -> Result<(), EngineError> {
        let open = self.open.lock();
        let sent = *open && self.commands.try_send(command).is_ok();
        sent.then_some(()).ok_or(EngineError::ShuttingDown)
    }

    /// Sends [`Command::Shutdown`] as the last command. Closing it again does nothing.
    pub(crate) fn close(&self) {
        let mut open = self.open.lock();
        if std::mem::replace(&mut *open, false) {
            self.commands.try_send(Command::Shutdown).ok();
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        *self.open.lock() = false;
        self.commands.drain();
    }
}
