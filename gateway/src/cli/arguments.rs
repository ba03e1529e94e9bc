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

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the models of a configuration
    Run(Run),
    /// Fetch a model into the cache and print where it lies
    Pull(Pull),
    /// Put documents into a collection: text, Markdown, HTML, PDF and JSON lines
    Ingest(Ingest),
    /// Talk to a model of a running server
    Chat(Chat),
    /// List the models that can be had, or those of a running server
    Models(Models),
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

/// `penstock models`.
#[derive(Debug, clap::Args)]
pub(super) struct Models {
    /// List the models of this server instead
    #[arg(long)]
    pub(super) url: Option<String>,
}
