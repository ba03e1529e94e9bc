//! [`QdrantIndex`]: the server behind the interface.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the client has many errors, and a few that are worded anew"
)]

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use futures::FutureExt;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, OverwritePayload};
use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::vector_input::Variant as Input;
use qdrant_client::qdrant::{
    self, CountPoints, DeletePoints, DenseVector, GetPoints, PointsIdsList, PointsSelector,
    PointsUpdateOperation, PrefetchQuery, QueryPoints, Rrf, ScrollPoints, SparseVector,
    UpdateBatchPoints, UpsertPoints, VectorInput,
};
use qdrant_client::{Qdrant, QdrantError};
use tonic::Code;

use super::convert::{
    DENSE, SPARSE, from_uuid, payload, point_id, question_vector, record, to_server, to_uuid,
};
use super::filter::to_server as filter_to_server;
use super::setup::make_or_check;
use crate::vector::collection::CollectionIdentity;
use crate::vector::error::VectorError;
use crate::vector::filter::Filter;
use crate::vector::fusion::RRF_K;
use crate::vector::index::{Answer, VectorIndex};
use crate::vector::point::{Hit, Metadata, Point, Record, prove_batch, prove_id, prove_metadata};
use crate::vector::request::{Near, Query, ScrollPage, ScrollRequest, SearchRequest};

/// A collection on a Qdrant server; clones share the connection.
#[derive(Clone)]
pub struct QdrantIndex {
    client: Qdrant,
    identity: CollectionIdentity,
    remote: Remote,
}

/// Where the server is.
#[derive(Clone, PartialEq, Eq)]
pub struct QdrantOptions {
    /// The gRPC endpoint, such as `http://localhost:6334`.
    pub url: String,
    /// The key, if the server wants one.
    pub api_key: Option<String>,
    /// Longest wait for one answer. Default: 10 seconds.
    pub timeout: Duration,
}

/// Who is asked, for errors.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    collection: String,
    url: String,
}

/// Points of one request: the server takes messages of some megabytes.
const BATCH: usize = 128;

impl QdrantOptions {
    /// A server without a key.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: None,
            timeout: Duration::from_secs(10),
        }
    }
}

impl QdrantIndex {
    /// Connects, and makes the collection unless it is there.
    ///
    /// # Errors
    /// [`VectorError::Remote`] when the server cannot be reached or refuses,
    /// [`VectorError::Encoder`] when the collection was made with another encoder.
    pub async fn open(
        options: &QdrantOptions,
        identity: CollectionIdentity,
    ) -> Result<Self, VectorError> {
        identity.prove()?;
        let remote = Remote {
            collection: identity.name.clone(),
            url: options.url.clone(),
        };
        let client = Qdrant::from_url(&options.url)
            .api_key(options.api_key.clone())
            .timeout(options.timeout)
            .connect_timeout(options.timeout)
            .skip_compatibility_check()
            .build()
            .map_err(|error| remote.explain(&error))?;
        make_or_check(&client, &identity, &remote).await?;
        Ok(Self {
            client,
            identity,
            remote,
        })
    }

    fn name(&self) -> String {
        self.identity.name.clone()
    }

    fn records<I>(&self, payloads: I) -> Result<Vec<Record>, VectorError>
    where
        I: IntoIterator<Item = HashMap<String, qdrant::Value>>,
    {
        let records = payloads.into_iter().map(|payload| self.record(payload));
        records.collect()
    }

    fn record(&self, payload: HashMap<String, qdrant::Value>) -> Result<Record, VectorError> {
        record(payload).ok_or_else(|| {
            self.remote.fault(
                "a point has no `_id` and `_text`, so it was not stored by `penstock ingest`",
            )
        })
    }

    async fn upsert_all(&self, points: Vec<Point>) -> Result<(), VectorError> {
        prove_batch(points.len())?;
        let mut proved = Vec::with_capacity(points.len());
        let mut seen = HashSet::new();
        for point in points.into_iter().rev() {
            if seen.insert(point.id.clone()) {
                proved.push(to_server(point.prove(self.identity.dimension)?));
            }
        }
        proved.reverse();
        for batch in proved.chunks(BATCH) {
            let request = UpsertPoints {
                collection_name: self.name(),
                wait: Some(true),
                points: batch.to_vec(),
                ..UpsertPoints::default()
            };
            let done = self.client.upsert_points(request).await;
            done.map_err(|error| self.remote.explain(&error))?;
        }
        Ok(())
    }

    async fn overwrite(&self, metadata: Vec<(String, Metadata)>) -> Result<(), VectorError> {
        prove_batch(metadata.len())?;
        for (id, metadata) in &metadata {
            prove_metadata(id, metadata)?;
        }
        let ids = metadata.iter().map(|(id, _)| id.clone()).collect();
        let mut metadata: HashMap<String, Metadata> = metadata.into_iter().collect();
        // A payload is replaced as a whole, so the text goes along.
        let there = self.get(ids).await?;
        let mut operations = Vec::new();
        for Record { id, text, .. } in there {
            let Some(metadata) = metadata.remove(&id) else {
                continue;
            };
            let operation = Operation::OverwritePayload(OverwritePayload {
                points_selector: Some(selector([id.as_str()])),
                payload: payload(id, text, metadata),
                ..OverwritePayload::default()
            });
            operations.push(PointsUpdateOperation {
                operation: Some(operation),
            });
        }
        for batch in operations.chunks(BATCH) {
            let request = UpdateBatchPoints {
                collection_name: self.name(),
                wait: Some(true),
                operations: batch.to_vec(),
                ..UpdateBatchPoints::default()
            };
            let done = self.client.update_points_batch(request).await;
            done.map_err(|error| self.remote.explain(&error))?;
        }
        Ok(())
    }

    async fn get(&self, ids: Vec<String>) -> Result<Vec<Record>, VectorError> {
        prove_batch(ids.len())?;
        let mut found = HashMap::new();
        for batch in ids.chunks(BATCH) {
            let request = GetPoints {
                collection_name: self.name(),
                ids: batch.iter().map(|id| point_id(id)).collect(),
                with_payload: Some(true.into()),
                ..GetPoints::default()
            };
            let answer = self.client.get_points(request).await;
            let answer = answer.map_err(|error| self.remote.explain(&error))?;
            let records = self.records(answer.result.into_iter().map(|point| point.payload))?;
            found.extend(
                records
                    .into_iter()
                    .map(|record| (record.id.clone(), record)),
            );
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    async fn page(&self, request: ScrollRequest) -> Result<ScrollPage, VectorError> {
        request.prove()?;
        let request = ScrollPoints {
            collection_name: self.name(),
            filter: request.filter.as_ref().map(filter_to_server),
            offset: request.after.map(from_uuid),
            limit: u32::try_from(request.limit.min(BATCH)).ok(),
            with_payload: Some(true.into()),
            ..ScrollPoints::default()
        };
        let answer = self.client.scroll(request).await;
        let answer = answer.map_err(|error| self.remote.explain(&error))?;
        Ok(ScrollPage {
            records: self.records(answer.result.into_iter().map(|point| point.payload))?,
            next: answer.next_page_offset.and_then(to_uuid),
        })
    }

    async fn find(&self, request: SearchRequest) -> Result<Vec<Hit>, VectorError> {
        let request = request.prove(self.identity.dimension)?;
        let candidates = request.candidates() as u64;
        let filter = request.filter.as_ref().map(filter_to_server);
        let mut asked = QueryPoints {
            collection_name: self.name(),
            limit: Some(request.limit as u64),
            with_payload: Some(true.into()),
            ..QueryPoints::default()
        };
        match request.query {
            Query::Dense(near) => {
                asked.filter = filter;
                asked.using = Some(DENSE.to_owned());
                asked.score_threshold = near.score_threshold;
                asked.query = Some(dense(near));
            }
            Query::Sparse(question) => {
                let Some(words) = question_vector(&question) else {
                    return Ok(Vec::new());
                };
                asked.filter = filter;
                asked.using = Some(SPARSE.to_owned());
                asked.query = Some(sparse(words));
            }
            Query::Hybrid(near, question) => {
                asked.query = Some(fusion());
                asked.prefetch.push(PrefetchQuery {
                    using: Some(DENSE.to_owned()),
                    filter: filter.clone(),
                    score_threshold: near.score_threshold,
                    query: Some(dense(near)),
                    limit: Some(candidates),
                    ..PrefetchQuery::default()
                });
                asked
                    .prefetch
                    .extend(question_vector(&question).map(|words| PrefetchQuery {
                        using: Some(SPARSE.to_owned()),
                        filter,
                        query: Some(sparse(words)),
                        limit: Some(candidates),
                        ..PrefetchQuery::default()
                    }));
            }
        }
        let answer = self.client.query(asked).await;
        let answer = answer.map_err(|error| self.remote.explain(&error))?;
        let hits = answer.result.into_iter().map(|point| {
            let record = self.record(point.payload)?;
            let score = point.score;
            Ok(Hit { record, score })
        });
        hits.collect()
    }
}

impl VectorIndex for QdrantIndex {
    fn identity(&self) -> &CollectionIdentity {
        &self.identity
    }

    fn upsert(&self, points: Vec<Point>) -> Answer<'_, ()> {
        self.upsert_all(points).boxed()
    }

    fn set_metadata(&self, metadata: Vec<(String, Metadata)>) -> Answer<'_, ()> {
        self.overwrite(metadata).boxed()
    }

    fn delete(&self, ids: Vec<String>) -> Answer<'_, ()> {
        async move {
            prove_batch(ids.len())?;
            ids.iter().try_for_each(|id| prove_id(id))?;
            let request = DeletePoints {
                collection_name: self.name(),
                wait: Some(true),
                points: Some(selector(ids.iter().map(String::as_str))),
                ..DeletePoints::default()
            };
            let done = self.client.delete_points(request).await;
            done.map_err(|error| self.remote.explain(&error))?;
            Ok(())
        }
        .boxed()
    }

    fn retrieve(&self, ids: Vec<String>) -> Answer<'_, Vec<Record>> {
        self.get(ids).boxed()
    }

    fn count(&self, filter: Option<Filter>) -> Answer<'_, usize> {
        async move {
            filter.as_ref().map_or(Ok(()), Filter::prove)?;
            let request = CountPoints {
                collection_name: self.name(),
                filter: filter.as_ref().map(filter_to_server),
                exact: Some(true),
                ..CountPoints::default()
            };
            let answer = self.client.count(request).await;
            let answer = answer.map_err(|error| self.remote.explain(&error))?;
            let count = answer.result.map_or(0, |result| result.count);
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        }
        .boxed()
    }

    fn scroll(&self, request: ScrollRequest) -> Answer<'_, ScrollPage> {
        self.page(request).boxed()
    }

    fn search(&self, request: SearchRequest) -> Answer<'_, Vec<Hit>> {
        self.find(request).boxed()
    }
}

impl Remote {
    /// What the server's answer means to us.
    pub(super) fn explain(&self, error: &QdrantError) -> VectorError {
        let why = match error {
            QdrantError::ResponseError { status }
            | QdrantError::ResourceExhaustedError { status, .. } => {
                format!("{:?}: {}", status.code(), status.message())
            }
            other => other.to_string(),
        };
        // The client reports a server that it cannot reach as a fault of its own.
        let unreachable = why.contains("Failed to connect to");
        let transient = match code_of(error) {
            Some(
                Code::Unavailable
                | Code::DeadlineExceeded
                | Code::Aborted
                | Code::ResourceExhausted,
            ) => true,
            Some(_) | None => unreachable,
        };
        self.error(why, transient)
    }

    /// What is wrong with what the server has.
    pub(super) fn fault(&self, why: &str) -> VectorError {
        self.error(why.to_owned(), false)
    }

    fn error(&self, why: String, transient: bool) -> VectorError {
        VectorError::Remote {
            collection: self.collection.clone(),
            url: self.url.clone(),
            why,
            transient,
        }
    }
}

impl fmt::Debug for QdrantIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantIndex")
            .field("identity", &self.identity)
            .field("url", &self.remote.url)
            .finish_non_exhaustive()
    }
}

/// Never shows the key.
impl fmt::Debug for QdrantOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantOptions")
            .field("url", &self.url)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The gRPC code of an answer, if there was one.
pub(super) fn code_of(error: &QdrantError) -> Option<Code> {
    match error {
        QdrantError::ResponseError { status }
        | QdrantError::ResourceExhaustedError { status, .. } => Some(status.code()),
        QdrantError::ConversionError(_)
        | QdrantError::InvalidUri(_)
        | QdrantError::NoSnapshotFound(_)
        | QdrantError::Io(_)
        | QdrantError::JsonToPayload(_)
        | QdrantError::PayloadDeserialization(_) => None,
    }
}

fn selector<'a>(ids: impl IntoIterator<Item = &'a str>) -> PointsSelector {
    PointsSelector {
        points_selector_one_of: Some(PointsSelectorOneOf::Points(PointsIdsList {
            ids: ids.into_iter().map(point_id).collect(),
        })),
    }
}

fn dense(near: Near) -> qdrant::Query {
    nearest(Input::Dense(DenseVector { data: near.vector }))
}

fn sparse(words: SparseVector) -> qdrant::Query {
    nearest(Input::Sparse(words))
}

fn nearest(input: Input) -> qdrant::Query {
    qdrant::Query {
        variant: Some(Variant::Nearest(VectorInput {
            variant: Some(input),
        })),
    }
}

fn fusion() -> qdrant::Query {
    qdrant::Query {
        variant: Some(Variant::Rrf(Rrf {
            k: Some(RRF_K),
            ..Rrf::default()
        })),
    }
}
