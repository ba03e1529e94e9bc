//! What can be written behind `penstock`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// A server for large language models: OpenAI's API in front, its own engine behind.
#[derive(Debug, Parser)]
#[command(name = "penstock", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Arguments {
    /// Whether the process is a replica, whose log goes through that of its server.
    pub(crate) fn is_replica(&self) -> bool {
        matches!(self.command, Command::Replica(_))
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the models of a configuration
    Run(Run),
    /// Send a configuration to a running server, which brings its applications there without dropping a
    /// request; returns at once
    Deploy(Deploy),
    /// Say what deploying a configuration would change
    Plan(Plan),
    /// Show how the applications of a running server stand
    Status(Status),
    /// Show the configuration of a running server
    Config(Config),
    /// End all applications of a running server; its models are served as before
    Shutdown(Shutdown),
    /// Write a complete configuration from a short one, or from names of models
    Build(Build),
    /// Print the JSON Schema of configurations, by which editors complete them
    Schema,
    /// Fetch a model into the cache and print where it lies
    Pull(Pull),
    /// Put documents into a collection: text, Markdown, HTML, PDF and JSON lines
    Ingest(Ingest),
    /// Talk to a model of a running server
    Chat(Chat),
    /// List the models that can be had, or those of a running server
    Models(Models),
    /// Be a replica of a model: what `isolation: process` starts
    #[command(hide = true)]
    Replica(Replica),
    /// Print the version
    Version,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `penstock run`.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The configuration, such as configs/quickstart.yaml
    pub(super) config: PathBuf,
    /// Listen on this address instead of the configuration's
    #[arg(long)]
    pub(super) host: Option<String>,
    /// Listen on this port instead of the configuration's; 0 lets the system choose
    #[arg(long)]
    pub(super) port: Option<u16>,
    /// Take configurations on this port instead of the configuration's; 0 lets the system choose
    #[arg(long)]
    pub(super) admin_port: Option<u16>,
}

/// Which running server.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// The server's administrators' API
    #[arg(long, default_value = "http://127.0.0.1:8265")]
    pub(super) url: String,
}

/// `penstock deploy`.
#[derive(Debug, clap::Args)]
pub(super) struct Deploy {
    /// The configuration; applications that it does not name go
    pub(super) config: PathBuf,
    /// Wait until everything runs, and fail if it cannot
    #[arg(long)]
    pub(super) wait: bool,
    #[command(flatten)]
    pub(super) server: Server,
}

/// `penstock plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    /// The configuration
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) server: Server,
}

/// `penstock status`.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Show this application only
    #[arg(long)]
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) server: Server,
}

/// `penstock config`.
#[derive(Debug, clap::Args)]
pub(super) struct Config {
    #[command(flatten)]
    pub(super) server: Server,
}

/// `penstock shutdown`.
#[derive(Debug, clap::Args)]
pub(super) struct Shutdown {
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) server: Server,
}

/// `penstock build`.
#[derive(Debug, clap::Args)]
pub(super) struct Build {
    /// A configuration, or names of models that `penstock models` lists
    #[arg(required = true)]
    pub(super) sources: Vec<String>,
    /// Write to this file
    #[arg(long, short)]
    pub(super) output: Option<PathBuf>,
}

/// `penstock pull`.
#[derive(Debug, clap::Args)]
pub(super) struct Pull {
    /// A name that `penstock models` lists, or `hf://owner/name[@revision][/file]`
    pub(super) name: String,
}

/// `penstock ingest`.
#[derive(Debug, clap::Args)]
pub(super) struct Ingest {
    /// The collection, one of the configuration's
    pub(super) collection: String,
    /// Files and folders; what they had in the collection and have no more is removed
    #[arg(required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// The configuration, which describes the collection and its encoder
    #[arg(long)]
    pub(super) config: PathBuf,
}

/// `penstock chat`.
#[derive(Debug, clap::Args)]
pub(super) struct Chat {
    /// Ask this and leave; without it, lines are read from the terminal, or one message from a pipe
    pub(super) prompt: Option<String>,
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub(super) url: String,
    /// The model; without it, the first that the server lists
    #[arg(long)]
    pub(super) model: Option<String>,
    /// A system message to begin with
    #[arg(long)]
    pub(super) system: Option<String>,
}

/// `penstock replica`.
#[derive(Debug, clap::Args)]
pub(super) struct Replica {
    /// Which one, for whoever lists processes
    #[arg(long)]
    pub(super) name: String,
}

/// `penstock models`.
#[derive(Debug, clap::Args)]
pub(super) struct Models {
    /// List the models of this server instead
    #[arg(long)]
    pub(super) url: Option<String>,
}
