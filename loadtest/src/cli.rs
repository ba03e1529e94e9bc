//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::rows::{ROWS, Row};
use crate::server::Server;

/// Measures servers of OpenAI's API from outside.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A table of scenarios, a server beside its peer: both in turn in one run, ratios of medians.
    Bench(BenchOptions),
    /// One closed loop against a running server: so many clients, each sending its next request when
    /// it has read its answer.
    Load(LoadOptions),
    /// Keeps a core busy, as another program would.
    #[command(hide = true)]
    Spin {
        /// For so long.
        #[arg(long)]
        seconds: u64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// A server, and then its peer. A command is one of the shell's; it is started anew for each
    /// measurement, listens on $PORT, and finds in its environment what it is for: $ROW, $CLIENTS at a
    /// time, $TOKENS of the longest prompt with its answer.
    #[arg(long = "server", value_name = "NAME=URL|NAME=COMMAND", required = true)]
    pub(crate) servers: Vec<Server>,
    /// The model's name, the same at both.
    #[arg(long)]
    pub(crate) model: String,
    /// Measurements of each server in each row; medians are compared.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Which rows, all by default. A row without a core is held against its plain row, if that is
    /// measured too.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(ROWS.iter().map(|row| row.name)))]
    rows: Vec<String>,
    /// The core that the other program takes away.
    #[arg(long, default_value_t = 0)]
    pub(crate) core: u32,
    /// Seconds after which a request has failed.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Makes other prompts.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u32,
    /// A folder for what the started servers say.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) logs: Option<PathBuf>,
    /// Writes all figures to this file, anew after each row.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LoadOptions {
    /// Where the server listens, without a path.
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub(crate) url: String,
    /// The model's name.
    #[arg(long)]
    pub(crate) model: String,
    /// Which endpoint.
    #[arg(long, value_enum, default_value_t = Api::Completions)]
    pub(crate) api: Api,
    /// Clients at a time; each number is a measurement of its own.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) clients: Vec<u32>,
    /// Requests in each measurement.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) requests: u32,
    /// Tokens of each prompt. Chat prompts have about so many; no two prompts begin alike.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) prompt_tokens: u32,
    /// Tokens of each answer; the end-of-sequence token is ignored.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_tokens: u32,
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

    /// The chosen rows, in the table's order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static Row> {
        let chosen = |row: &&Row| self.rows.is_empty() || self.rows.iter().any(|r| r == row.name);
        ROWS.iter().filter(chosen)
    }
}

impl LoadOptions {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_rows_are_chosen_by_name() {
        Cli::command().debug_assert();
        let line = "loadtest bench --model m --server a=x --server b=http://y --rows start,prefill";
        let Command::Bench(options) = Cli::parse_from(line.split(' ')).command else {
            panic!("another command");
        };
        let rows: Vec<_> = options.rows().map(|row| row.name).collect();
        assert_eq!(rows, ["prefill", "start"]);
        assert_eq!(options.servers.len(), 2);
        let unknown = Cli::try_parse_from(line.replace("start", "stop").split(' '));
        assert!(unknown.unwrap_err().to_string().contains("streams-32"));
    }
}
