//! The command: one question, or a conversation line by line.

use std::io::{self, Read, Write};

use anyhow::{Context, Result};
use tokio::task::spawn_blocking;

use super::client::Client;
use super::session::{Session, Turn, is_closed};
use crate::cli::arguments;
use crate::cli::report::{Interrupted, message};
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// Largest message that is read from a pipe, in bytes.
const MAX_PIPED: u64 = 8 << 20;

/// Talks to the model until there is nothing more to say.
pub(in crate::cli) async fn chat(
    arguments: arguments::Chat,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let client = Client::new(&arguments.url, environment.api_key())?;
    let model = match arguments.model {
        Some(model) => model,
        None => {
            let first = client.models().await?.into_iter().next();
            first.context("the server serves no model yet; wait for it, or give --model")?
        }
    };
    let name = model.clone();
    let mut session = Session::new(client, model, arguments.system)?;
    if let Some(prompt) = arguments.prompt {
        return once(&mut session, &prompt, terminal).await;
    }
    if !terminal.in_is_tty {
        let text = piped()
            .await
            .context("cannot read the message from the pipe")?;
        return once(&mut session, text.trim_end_matches('\n'), terminal).await;
    }
    terminal.line(&format!(
        "Talking to {name}. Ctrl-C stops an answer; /clear forgets; /exit leaves."
    ))?;
    converse(&mut session, typed_line, terminal).await
}

/// One message, one answer.
async fn once(session: &mut Session, text: &str, terminal: &mut Terminal) -> Result<()> {
    match session.say(text, terminal, interrupt()).await? {
        Turn::Whole => Ok(()),
        Turn::Stopped => Err(Interrupted.into()),
    }
}

/// Line after line, until the input ends or `/exit`.
pub(in crate::cli) async fn converse(
    session: &mut Session,
    mut next_line: impl AsyncFnMut() -> io::Result<Option<String>>,
    terminal: &mut Terminal,
) -> Result<()> {
    loop {
        terminal.print("> ")?;
        let line = tokio::select! {
            line = next_line() => line?,
            // At the prompt there is no answer to stop.
            () = interrupt() => None,
        };
        let Some(line) = line else {
            terminal.print("\n")?;
            return Ok(());
        };
        match line.trim() {
            "" => {}
            "/exit" | "/quit" => return Ok(()),
            "/clear" => session.clear()?,
            text => match session.say(text, terminal, interrupt()).await {
                Ok(Turn::Whole) => {}
                Ok(Turn::Stopped) => terminal.line("(stopped)")?,
                Err(error) if is_closed(&error) => return Err(error),
                // The conversation goes on: the server may be back for the next line.
                Err(error) => writeln!(terminal.err, "error: {}", message(&error))?,
            },
        }
    }
}

/// Ends when the person presses Ctrl-C.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The next line that is typed; `None` at the end. A read that nobody waits for any more stays on
/// its thread until the process ends.
async fn typed_line() -> io::Result<Option<String>> {
    let read = || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line)?;
        Ok((read > 0).then_some(line))
    };
    spawn_blocking(read)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// All that comes through the pipe.
async fn piped() -> io::Result<String> {
    let read = || {
        let mut text = String::new();
        io::stdin().take(MAX_PIPED).read_to_string(&mut text)?;
        Ok(text)
    };
    spawn_blocking(read)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
