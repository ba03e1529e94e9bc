//! The end of a command that did not go well: one message with its causes, and an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use thiserror::Error;

use super::terminal::Terminal;

/// The command was interrupted by the one who started it, who needs no message.
#[derive(Debug, Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

/// Says what went wrong and gives the exit code.
pub(crate) fn report(error: &anyhow::Error, terminal: &mut Terminal) -> ExitCode {
    if error.is::<Interrupted>() {
        return ExitCode::from(130);
    }
    let broken_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if error.downcast_ref::<io::Error>().is_some_and(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    // Where even this cannot be written, the exit code says it.
    drop(writeln!(terminal.err, "error: {}", message(error)));
    ExitCode::FAILURE
}

/// The error and its causes in one; a cause that its effect has named already is left out.
pub(super) fn message(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}
