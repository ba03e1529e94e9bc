//! The one interface to a collection.

use std::fmt;

use futures::future::BoxFuture;

use super::collection::CollectionIdentity;
use super::error::VectorError;
use super::filter::Filter;
use super::point::{Hit, Metadata, Point, Record};
use super::request::{ScrollPage, ScrollRequest, SearchRequest};

/// What a collection answers, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, VectorError>>;

/// A collection of points. What a call that returned `Ok` wrote is on disk and seen by every later
/// call. Cancelling a write leaves it done or not done.
pub trait VectorIndex: fmt::Debug + Send + Sync {
    /// Name, encoder and dimension.
    fn identity(&self) -> &CollectionIdentity;

    /// Stores points; of those with one id the last stays. The embedded store takes all or none; to a
    /// server they go in requests of some hundred, each of which is taken whole or not.
    fn upsert(&self, points: Vec<Point>) -> Answer<'_, ()>;

    /// Replaces the metadata of points whose text and vector stay. Ids that are not there are
    /// passed over.
    fn set_metadata(&self, metadata: Vec<(String, Metadata)>) -> Answer<'_, ()>;

    /// Removes points. Ids that are not there are passed over.
    fn delete(&self, ids: Vec<String>) -> Answer<'_, ()>;

    /// The points with these ids, in their order, without those that are not there.
    fn retrieve(&self, ids: Vec<String>) -> Answer<'_, Vec<Record>>;

    /// How many points pass the filter.
    fn count(&self, filter: Option<Filter>) -> Answer<'_, usize>;

    /// One page of the points that pass the filter.
    fn scroll(&self, request: ScrollRequest) -> Answer<'_, ScrollPage>;

    /// The points that fit best, best first; equal ones in an order of the store.
    fn search(&self, request: SearchRequest) -> Answer<'_, Vec<Hit>>;
}
