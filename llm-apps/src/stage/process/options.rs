//! Which program, and what it is told.

use std::path::PathBuf;
use std::time::Duration;

use crate::payload::{Kind, Signature};

/// A program that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessOptions {
    /// The program and its arguments; at least the program.
    pub command: Vec<String>,
    /// Its working folder. Default: the configuration's.
    pub folder: PathBuf,
    /// Variables of its environment beside those of the server.
    pub env: Vec<(String, String)>,
    /// The variables that it is sent, which must be there.
    pub reads: Vec<String>,
    /// The variables that it answers with. Others in its answer are a fault.
    pub writes: Vec<String>,
    /// When it takes requests. Default: a second after its start.
    pub readiness: Readiness,
    /// Time for one answer. Default: 30 s.
    pub timeout: Duration,
    /// Bytes of one line at most, in either direction. Default: 1 MiB.
    pub max_line_bytes: usize,
}

/// When a child takes requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readiness {
    /// When it has lived for a second.
    #[default]
    Lives,
    /// When it writes the line `{"ready": true}`, which it must do within this time.
    SaysSo(Duration),
}

impl ProcessOptions {
    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        let mut signature = Signature::default();
        for name in &self.reads {
            signature = signature.reads(name, Kind::Any);
        }
        for name in &self.writes {
            signature = signature.writes(name, Kind::Any);
        }
        signature
    }
}
