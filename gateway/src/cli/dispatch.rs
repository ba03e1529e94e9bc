//! From arguments to the command.

use anyhow::Result;

use llm_apps::spec::SCHEMA;

use super::arguments::{Arguments, Command};
use super::terminal::Terminal;
use super::{administer, build, chat, completions, ingest, models, pull, replica, run, version};
use crate::env::Environment;

/// Runs the command to its end.
pub(crate) async fn dispatch(
    arguments: Arguments,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    match arguments.command {
        Command::Run(run) => Box::pin(run::run(run, environment, terminal)).await,
        Command::Deploy(deploy) => administer::deploy(deploy, environment, terminal).await,
        Command::Plan(plan) => administer::plan(plan, environment, terminal).await,
        Command::Status(status) => administer::status(status, environment, terminal).await,
        Command::Config(config) => administer::config(config, environment, terminal).await,
        Command::Shutdown(shutdown) => administer::shutdown(shutdown, environment, terminal).await,
        Command::Build(build) => build::build(build, environment, terminal),
        Command::Schema => Ok(terminal.print(SCHEMA)?),
        Command::Pull(pull) => pull::pull(pull, environment, terminal).await,
        Command::Ingest(ingest) => Box::pin(ingest::ingest(ingest, environment, terminal)).await,
        Command::Chat(chat) => chat::chat(chat, environment, terminal).await,
        Command::Models(models) => models::models(models, environment, terminal).await,
        Command::Replica(asked) => {
            tracing::debug!(name = asked.name, "replica starts");
            replica::replica().await
        }
        Command::Version => version::version(terminal),
        Command::Completions { shell } => completions::completions(shell, terminal),
    }
}
