//! The beginning of a request's text, as routers compare it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;

/// Bytes of a block: texts are compared by so many at a time.
pub const PREFIX_BLOCK: usize = 128;
/// Blocks that are looked at; texts that are alike for longer are alike.
const MAX_BLOCKS: usize = 256;

/// The beginning of a text, cut into blocks of [`PREFIX_BLOCK`] bytes; each is told by a hash of all
/// that comes before its end, so two texts share as much as their lists of hashes do. A last block that
/// is not full counts as one. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    blocks: Arc<[u64]>,
}

impl Prefix {
    /// Of a text; `None` of an empty one.
    pub fn of_text(text: &str) -> Option<Self> {
        let mut writer = Blocks::default();
        // An error says that enough was seen.
        writer.write_all(text.as_bytes()).ok();
        writer.finish()
    }

    /// Of a variable: a text as it is, anything else, such as a conversation, as JSON. All messages of
    /// a conversation count, the system's as well as the last one.
    pub fn of_value(value: &Value) -> Option<Self> {
        if let Value::String(text) = value {
            return Self::of_text(text);
        }
        if value.is_null() {
            return None;
        }
        let mut writer = Blocks::default();
        // An error says that enough was seen.
        serde_json::to_writer(&mut writer, value).ok();
        writer.finish()
    }

    /// The hash of each block and all before it. Never empty.
    pub fn blocks(&self) -> &[u64] {
        &self.blocks
    }
}

/// Cuts what is written to it.
struct Blocks {
    hasher: DefaultHasher,
    /// The block that is being filled.
    block: [u8; PREFIX_BLOCK],
    filled: usize,
    done: Vec<u64>,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            // Its keys are fixed, so equal texts are equal.
            hasher: DefaultHasher::new(),
            block: [0; PREFIX_BLOCK],
            filled: 0,
            done: Vec::new(),
        }
    }
}

impl Blocks {
    /// The block is full, or the text ends. The hasher goes on, so that the next block's hash is of all
    /// before it too.
    fn close(&mut self) {
        self.hasher.write(&self.block[..self.filled]);
        self.done.push(self.hasher.finish());
        self.filled = 0;
    }

    fn finish(mut self) -> Option<Prefix> {
        if self.filled > 0 {
            self.close();
        }
        let blocks = self.done;
        (!blocks.is_empty()).then(|| Prefix {
            blocks: blocks.into(),
        })
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.done.len() >= MAX_BLOCKS {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(PREFIX_BLOCK - self.filled);
        self.block[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        if self.filled == PREFIX_BLOCK {
            self.close();
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
