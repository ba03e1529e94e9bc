//! A download as a person sees it: a bar on a terminal, a line for each source elsewhere.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use engine::hub::PullEvent;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;

/// Shows the events of one pull.
pub(super) struct Progress<'t> {
    bar: ProgressBar,
    lines: Mutex<&'t mut (dyn Write + Send)>,
    is_tty: bool,
}

impl<'t> Progress<'t> {
    /// Shows on the terminal's `err`.
    pub(super) fn new(terminal: &'t mut Terminal) -> Self {
        let target = if terminal.err_is_tty {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bar: ProgressBar::with_draw_target(None, target),
            is_tty: terminal.err_is_tty,
            lines: Mutex::new(&mut *terminal.err),
        }
    }

    /// Shows one event.
    pub(super) fn show(&self, event: PullEvent<'_>) {
        match event {
            PullEvent::Waiting { name } => {
                self.line(&format!("waiting for another process that fetches {name}"));
            }
            PullEvent::Source { source } => self.line(&format!("fetching from {source}")),
            PullEvent::File { path, size } => {
                self.bar.set_style(style(size.is_some()));
                self.bar.set_message(path.to_owned());
                self.bar.set_position(0);
                match size {
                    Some(size) => self.bar.set_length(size),
                    None => self.bar.unset_length(),
                }
            }
            PullEvent::Bytes { done } => self.bar.set_position(done),
            PullEvent::GaveUp { source, why } => self.line(&format!("gave up {source}: {why}")),
            PullEvent::Stored => self.bar.finish_and_clear(),
            _ => {}
        }
    }

    fn line(&self, text: &str) {
        if self.is_tty {
            self.bar.println(text);
        } else {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            // Progress that nobody can read is no reason to stop.
            drop(writeln!(lines, "{text}"));
        }
    }
}

fn style(size_is_known: bool) -> ProgressStyle {
    let template = if size_is_known {
        "{msg:.dim} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{spinner} {msg:.dim} {bytes} {bytes_per_sec}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
