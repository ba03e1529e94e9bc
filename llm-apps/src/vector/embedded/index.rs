//! [`EmbeddedIndex`]: the store behind the interface, its work away from the async threads.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::store::Store;
use crate::vector::collection::CollectionIdentity;
use crate::vector::error::VectorError;
use crate::vector::filter::Filter;
use crate::vector::index::{Answer, VectorIndex};
use crate::vector::point::{Hit, Metadata, Point, Record, prove_batch, prove_id, prove_metadata};
use crate::vector::request::{ScrollPage, ScrollRequest, SearchRequest};

/// A collection in a folder. One process holds it at a time; clones share it.
#[derive(Debug, Clone)]
pub struct EmbeddedIndex {
    store: Arc<Store>,
    /// Turns at the processor: more at once would only take from each other.
    turns: Arc<Semaphore>,
}

/// Bounds of an embedded collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Points at most, which bounds memory: about 1.1 bytes for each number of a vector, and the
    /// metadata. Default: 1,000,000.
    pub max_points: usize,
    /// Bytes of the file that are kept in memory. Default: 64 MiB.
    pub cache_bytes: usize,
    /// Calls that work at the same time; more wait. Default: 4.
    pub max_concurrent_calls: usize,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            max_points: 1_000_000,
            cache_bytes: 64 << 20,
            max_concurrent_calls: 4,
        }
    }
}

impl EmbeddedIndex {
    /// Opens the collection in `folder`, or makes one there, and reads it into memory.
    ///
    /// # Errors
    /// [`VectorError::InUse`] when it is open elsewhere, [`VectorError::Encoder`] when it was made
    /// with another encoder; [`VectorError::Format`], [`VectorError::Corrupt`] and
    /// [`VectorError::Open`] are about its files.
    pub async fn open(
        folder: impl Into<PathBuf>,
        identity: CollectionIdentity,
        options: EmbeddedOptions,
    ) -> Result<Self, VectorError> {
        let folder = folder.into();
        let opened = spawn_blocking(move || Store::open(&folder, identity, options)).await;
        let store = opened.map_err(|error| interrupted(&error))??;
        Ok(Self {
            store: Arc::new(store),
            turns: Arc::new(Semaphore::new(options.max_concurrent_calls.max(1))),
        })
    }

    /// Runs blocking work in turn. Work that has begun is finished even when nobody waits.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, VectorError> + Send + 'static,
    ) -> Answer<'_, T> {
        let (store, turns) = (Arc::clone(&self.store), Arc::clone(&self.turns));
        async move {
            let turn = turns
                .acquire_owned()
                .await
                .map_err(|error| interrupted(&error))?;
            let worked = spawn_blocking(move || {
                let result = work(&store);
                drop(turn);
                result
            });
            worked.await.map_err(|error| interrupted(&error))?
        }
        .boxed()
    }
}

impl VectorIndex for EmbeddedIndex {
    fn identity(&self) -> &CollectionIdentity {
        &self.store.identity
    }

    fn upsert(&self, points: Vec<Point>) -> Answer<'_, ()> {
        self.work(move |store| {
            prove_batch(points.len())?;
            let dimension = store.identity.dimension;
            let proved = points.into_iter().map(|point| point.prove(dimension));
            store.upsert(proved.collect::<Result<_, _>>()?)
        })
    }

    fn set_metadata(&self, metadata: Vec<(String, Metadata)>) -> Answer<'_, ()> {
        self.work(move |store| {
            prove_batch(metadata.len())?;
            for (id, metadata) in &metadata {
                prove_metadata(id, metadata)?;
            }
            store.set_metadata(metadata)
        })
    }

    fn delete(&self, ids: Vec<String>) -> Answer<'_, ()> {
        self.work(move |store| {
            prove_batch(ids.len())?;
            ids.iter().try_for_each(|id| prove_id(id))?;
            store.delete(ids)
        })
    }

    fn retrieve(&self, ids: Vec<String>) -> Answer<'_, Vec<Record>> {
        self.work(move |store| {
            prove_batch(ids.len())?;
            store.retrieve(&ids)
        })
    }

    fn count(&self, filter: Option<Filter>) -> Answer<'_, usize> {
        self.work(move |store| {
            filter.as_ref().map_or(Ok(()), Filter::prove)?;
            Ok(store.count(filter.as_ref()))
        })
    }

    fn scroll(&self, request: ScrollRequest) -> Answer<'_, ScrollPage> {
        self.work(move |store| {
            request.prove()?;
            store.scroll(&request)
        })
    }

    fn search(&self, request: SearchRequest) -> Answer<'_, Vec<Hit>> {
        self.work(move |store| {
            let request = request.prove(store.identity.dimension)?;
            store.search(&request)
        })
    }
}

fn interrupted(error: &dyn std::fmt::Display) -> VectorError {
    VectorError::Interrupted {
        why: error.to_string(),
    }
}
