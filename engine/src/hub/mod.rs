//! Where model files come from: references, the catalogue, the cache, and the downloads.
//!
//! A [`ModelReference`] is what a person writes: a path, `hf://owner/name[@revision][/file]`, or a
//! name of the [`Catalogue`]. [`ModelStore`] is the cache on disk: a model is in it whole or not at
//! all. With the feature `hub`, [`Puller`] fills the store from the Hugging Face hub and from Python
//! packages. The environment is not read here: paths and switches are passed in, except that the
//! hub's own client looks for the token and for files which other tools of the hub have downloaded,
//! unless [`PullOptions`] says otherwise.

mod catalogue;
mod digest;
mod error;
mod progress;
mod reference;
mod source;
mod store;
mod written;

#[cfg(feature = "hub")]
mod hf;
#[cfg(feature = "hub")]
mod join;
#[cfg(feature = "hub")]
mod partial;
#[cfg(feature = "hub")]
mod pip;
#[cfg(feature = "hub")]
mod pull;
#[cfg(feature = "hub")]
mod stall;

#[cfg(test)]
#[cfg(feature = "hub")]
mod tests;

pub use catalogue::{Catalogue, CatalogueEntry, CatalogueError, ModelKind};
pub use digest::Sha256Digest;
pub use error::{HubError, SourceError, SourceFailure};
pub use progress::PullEvent;
pub use reference::{HubReference, ModelReference, ReferenceError};
pub use source::{HubSource, JoinedSource, PipPackage, PipPart, PipSource, Source, SourceFile};
pub use store::{LocalModel, ModelStore};

#[cfg(feature = "hub")]
pub use pull::{PullOptions, Puller};
