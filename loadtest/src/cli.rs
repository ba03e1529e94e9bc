//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures a server of OpenAI's API from outside.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Closed loop: so many clients, each sending its next request when it has read its answer.
    Bench(BenchOptions),
}

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// Where the server listens, without a path.
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub(crate) url: String,
    /// A second server to measure in turn with the first (A B A B); ratios of medians are printed.
    #[arg(long, value_name = "URL")]
    pub(crate) vs: Option<String>,
    /// The model's name.
    #[arg(long)]
    pub(crate) model: String,
    /// The model's name at the second server, when it is another one.
    #[arg(long, value_name = "NAME", requires = "vs")]
    pub(crate) vs_model: Option<String>,
    /// Which endpoint.
    #[arg(long, value_enum, default_value_t = Api::Completions)]
    pub(crate) api: Api,
    /// Clients at a time; each number is a measurement of its own.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) concurrency: Vec<u32>,
    /// Requests in each measurement.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests: u32,
    /// Requests before each measurement that are not counted.
    #[arg(long, default_value_t = 1)]
    pub(crate) warmup: u32,
    /// Tokens of each prompt. Chat prompts have about so many; no two prompts begin alike.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) prompt_tokens: u32,
    /// Tokens of each answer; the end-of-sequence token is ignored.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: u32,
    /// Times that each server is measured: once, or twice with a second server. The medians are
    /// compared.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Seconds after which a request has failed.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Makes other prompts.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u32,
    /// Writes all figures to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Api {
    /// `/v1/completions`, with prompts of token ids.
    Completions,
    /// `/v1/chat/completions`.
    Chat,
}

impl BenchOptions {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    pub(crate) fn rounds(&self) -> u32 {
        let usual = if self.vs.is_some() { 2 } else { 1 };
        self.rounds.unwrap_or(usual)
    }
}
