//! Where commands write.

use std::io::{self, Write};

/// The two outputs, and whether a person looks at them.
pub(crate) struct Terminal {
    /// Results: what a script reads.
    pub(crate) out: Box<dyn Write + Send>,
    /// Everything else: progress and errors.
    pub(crate) err: Box<dyn Write + Send>,
    /// Whether `out` is a terminal.
    pub(crate) out_is_tty: bool,
    /// Whether `err` is a terminal.
    pub(crate) err_is_tty: bool,
    /// Whether a person types.
    pub(crate) in_is_tty: bool,
}

impl Terminal {
    /// Writes text to `out` and shows it at once. A reader that went away (`penstock ... | head`) is
    /// an error of the kind [`io::ErrorKind::BrokenPipe`], which ends the command quietly.
    pub(super) fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes a line to `out`.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.print(&format!("{text}\n"))
    }
}
