//! Load over HTTP, measured as a client sees it: an outside witness that knows no crate of the
//! server. `rows` is the benchmark's table and `bench` fills it, with servers that `server` starts;
//! a `scenario` says what clients do, `arrivals` when their requests go out, `request` what they ask;
//! `client` sends one and times its answer, `sse` reads the stream and accepts nothing sloppy;
//! `outcome` and `latencies` are figures, `report` compares them.

#![forbid(unsafe_code)]

mod arrivals;
mod bench;
mod cli;
mod client;
mod hog;
mod latencies;
mod load;
#[cfg(test)]
mod mock;
mod outcome;
mod report;
mod request;
mod rows;
mod scenario;
mod server;
mod sse;
mod wire;

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Parser;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Command};

fn main() -> anyhow::Result<()> {
    let command = Cli::parse().command;
    if let Command::Spin { seconds } = command {
        return hog::spin(Duration::from_secs(seconds), &mut std::io::stdout());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the async runtime does not start")?;
    let failed = runtime.block_on(run(&command))?;
    ensure!(failed == 0, "{failed} requests failed");
    Ok(())
}

/// The number of requests that failed.
async fn run(command: &Command) -> anyhow::Result<usize> {
    match command {
        Command::Bench(options) => bench::run(options, told_to_stop()).await,
        Command::Load(options) => load::run(options).await,
        Command::Spin { .. } => Ok(0),
    }
}

/// Ends with an error when somebody says so.
async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    bail!("told to stop")
}
