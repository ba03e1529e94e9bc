//! Frames on their way out.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

/// A comment that clients skip.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The end of a whole answer.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// Bytes of frames that have not gone out yet.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: BytesMut,
}

impl Frames {
    /// Appends a frame with `data`, which JSON keeps on one line.
    pub(crate) fn data(&mut self, data: &impl Serialize) {
        self.bytes.put_slice(b"data: ");
        let start = self.bytes.len();
        if let Err(error) = serde_json::to_writer((&mut self.bytes).writer(), data) {
            // Our own types have no map with odd keys and no failing serialiser.
            tracing::error!(%error, "a chunk could not be written");
            self.bytes.truncate(start);
            self.bytes.put_slice(b"{}");
        }
        self.bytes.put_slice(b"\n\n");
    }

    /// Appends a frame with the name of its event.
    pub(crate) fn event(&mut self, name: &str, data: &impl Serialize) {
        self.bytes.put_slice(b"event: ");
        self.bytes.put_slice(name.as_bytes());
        self.bytes.put_slice(b"\n");
        self.data(data);
    }

    /// Appends a keep-alive.
    pub(crate) fn keep_alive(&mut self) {
        self.bytes.put_slice(KEEP_ALIVE);
    }

    /// Appends the end of a whole answer.
    pub(crate) fn done(&mut self) {
        self.bytes.put_slice(DONE);
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what waits.
    pub(crate) fn take(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }
}
