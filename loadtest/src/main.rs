//! Load over HTTP, measured as a client sees it: an outside witness that knows no crate of the
//! server. `arrivals` says when requests go out, `client` sends one and times its answer, `sse` reads
//! the stream and accepts nothing sloppy, `report` says what was measured, `bench` puts them together.

#![forbid(unsafe_code)]

mod arrivals;
mod bench;
mod cli;
mod client;
mod report;
mod request;
mod sse;
mod wire;

use anyhow::Context;
use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> anyhow::Result<()> {
    let Command::Bench(options) = Cli::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the async runtime does not start")?;
    let report = runtime.block_on(bench::run(&options))?;
    if let Some(path) = &options.json {
        report.write_json(path)?;
    }
    anyhow::ensure!(report.errors() == 0, "{} requests failed", report.errors());
    Ok(())
}
