//! Commands as their users see them: what stands on which output, and what is sent to a server.

mod banner;
mod chat;
mod commands;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::Terminal;

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A terminal at which nobody sits, with what is written to its `out` and `err`.
fn terminal() -> (Terminal, Written, Written) {
    let (out, err) = (Written::default(), Written::default());
    let terminal = Terminal {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        out_is_tty: false,
        err_is_tty: false,
        in_is_tty: false,
    };
    (terminal, out, err)
}
