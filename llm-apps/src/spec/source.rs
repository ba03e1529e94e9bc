//! Where a model comes from, as a file of ours says it.

use std::path::Path;

use engine::hub::{ModelReference, ReferenceError};

use super::node::Node;
use super::read;

/// A path, a reference to the hub or a catalogue name; a relative path starts at `folder`.
pub(super) fn read(node: &Node, folder: &Path) -> Result<ModelReference, read::Expected> {
    let reference: ModelReference = read::text(node)
        .map_err(|_| "a path, hf://owner/name[@revision][/file] or a catalogue name".to_owned())?
        .parse()
        .map_err(|error: ReferenceError| format!("a model ({})", error.why))?;
    Ok(match reference {
        ModelReference::Path(path) => ModelReference::Path(folder.join(path)),
        other => other,
    })
}
