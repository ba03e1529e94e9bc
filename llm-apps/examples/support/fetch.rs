//! From what stands on the command line to a folder with a model.

use std::error::Error;
use std::path::PathBuf;

use engine::hub::{Catalogue, ModelReference, ModelStore, PullOptions, Puller};

/// The folder of a path, or of a reference to the hub such as `hf://google-t5/t5-small`, which is
/// fetched unless it is below `target/models` already.
pub(crate) async fn folder(reference: &str) -> Result<PathBuf, Box<dyn Error>> {
    let reference: ModelReference = reference.parse()?;
    let puller = Puller::new(ModelStore::new("target/models"), PullOptions::default());
    let quietly = |_: engine::hub::PullEvent<'_>| {};
    let model = puller
        .pull(&reference, &Catalogue::built_in()?, &quietly)
        .await?;
    Ok(model.path)
}
