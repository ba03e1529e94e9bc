//! `penstock pull NAME`.

use anyhow::Result;
use engine::hub::{Catalogue, LocalModel, ModelReference, PullOptions, Puller};
use engine::model::{ModelFiles, verify};

use super::arguments;
use super::progress::Progress;
use super::report::Interrupted;
use super::terminal::Terminal;
use crate::env::Environment;

/// Fetches a model unless it is there, and prints its path. What was there as a file of the user's
/// own is looked at, since no download has checked it.
pub(super) async fn pull(
    arguments: arguments::Pull,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let reference: ModelReference = arguments.name.parse()?;
    let pulling = fetch(&reference, environment, terminal);
    let model = tokio::select! {
        model = pulling => model?,
        // What came stays, and the next pull goes on from there.
        _ = tokio::signal::ctrl_c() => return Err(Interrupted.into()),
    };
    if model.source.is_none() {
        verify(&ModelFiles::find(&model.path)?)?;
    }
    terminal.line(&model.path.display().to_string())?;
    Ok(())
}

/// The model on this machine, fetched with progress if it is not there.
pub(super) async fn fetch(
    reference: &ModelReference,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<LocalModel> {
    let catalogue = Catalogue::built_in()?;
    let options: PullOptions = environment.pull_options();
    let puller = Puller::new(environment.store()?, options);
    let progress = Progress::new(terminal);
    let show = |event: engine::hub::PullEvent<'_>| progress.show(event);
    Ok(Box::pin(puller.pull(reference, &catalogue, &show)).await?)
}
