//! The API's calls: those that the client makes are answered, the others are unimplemented.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use qdrant_client::qdrant;
use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::points_update_operation::Operation;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionInfo, CollectionOperationResponse, CollectionParams, CountPoints,
    CountResponse, CountResult, CreateCollection, DeletePoints, GetCollectionInfoRequest,
    GetCollectionInfoResponse, GetPoints, GetResponse, PointId, PointStruct,
    PointsOperationResponse, PointsSelector, QueryPoints, QueryResponse, RetrievedPoint,
    ScrollPoints, ScrollResponse, UpdateBatchPoints, UpdateBatchResponse, UpsertPoints,
};
use tonic::{Request, Response, Status};

use super::answers;
use super::matching::passes;

/// All collections.
#[derive(Default, Clone)]
pub(super) struct Service {
    collections: Arc<Mutex<HashMap<String, Collection>>>,
}

/// One collection: as it was made, and its points by id.
pub(super) struct Collection {
    made: CreateCollection,
    pub(super) points: BTreeMap<String, PointStruct>,
}

type Answer<T> = Result<Response<T>, Status>;

impl Service {
    fn with<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Collection) -> Result<T, Status>,
    ) -> Answer<T> {
        let mut collections = self.collections.lock();
        let missing = || Status::not_found(format!("Collection `{name}` doesn't exist!"));
        let collection = collections.get_mut(name).ok_or_else(missing)?;
        work(collection).map(Response::new)
    }

    fn create(&self, request: CreateCollection) -> Answer<CollectionOperationResponse> {
        let mut collections = self.collections.lock();
        let name = request.collection_name.clone();
        if collections.contains_key(&name) {
            return Err(Status::already_exists(format!(
                "Collection `{name}` already exists!"
            )));
        }
        let made = Collection {
            made: request,
            points: BTreeMap::new(),
        };
        collections.insert(name, made);
        Ok(Response::new(CollectionOperationResponse {
            result: true,
            ..CollectionOperationResponse::default()
        }))
    }

    fn info(&self, request: &GetCollectionInfoRequest) -> Answer<GetCollectionInfoResponse> {
        self.with(&request.collection_name, |collection| {
            let made = collection.made.clone();
            let config = CollectionConfig {
                params: Some(CollectionParams {
                    vectors_config: made.vectors_config,
                    sparse_vectors_config: made.sparse_vectors_config,
                    ..CollectionParams::default()
                }),
                metadata: made.metadata,
                ..CollectionConfig::default()
            };
            Ok(GetCollectionInfoResponse {
                result: Some(CollectionInfo {
                    config: Some(config),
                    ..CollectionInfo::default()
                }),
                ..GetCollectionInfoResponse::default()
            })
        })
    }

    fn upsert(&self, request: UpsertPoints) -> Answer<PointsOperationResponse> {
        self.with(&request.collection_name, |collection| {
            for point in request.points {
                collection.points.insert(key(point.id.clone()), point);
            }
            Ok(PointsOperationResponse::default())
        })
    }

    fn delete(&self, request: DeletePoints) -> Answer<PointsOperationResponse> {
        self.with(&request.collection_name, |collection| {
            for id in selected(request.points) {
                collection.points.remove(&id);
            }
            Ok(PointsOperationResponse::default())
        })
    }

    fn update_batch(&self, request: UpdateBatchPoints) -> Answer<UpdateBatchResponse> {
        self.with(&request.collection_name, |collection| {
            for operation in request.operations {
                let Some(Operation::OverwritePayload(overwrite)) = operation.operation else {
                    return Err(Status::unimplemented("only payloads are overwritten"));
                };
                for id in selected(overwrite.points_selector) {
                    if let Some(point) = collection.points.get_mut(&id) {
                        point.payload.clone_from(&overwrite.payload);
                    }
                }
            }
            Ok(UpdateBatchResponse::default())
        })
    }

    fn get(&self, request: GetPoints) -> Answer<GetResponse> {
        self.with(&request.collection_name, |collection| {
            let ids = request.ids.into_iter().map(|id| key(Some(id)));
            let points = ids.filter_map(|id| collection.points.get(&id));
            Ok(GetResponse {
                result: points.map(retrieved).collect(),
                ..GetResponse::default()
            })
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "as the other calls take theirs"
    )]
    fn count(&self, request: CountPoints) -> Answer<CountResponse> {
        self.with(&request.collection_name, |collection| {
            let points = collection.points.values();
            let count = points
                .filter(|point| passes(request.filter.as_ref(), point))
                .count();
            Ok(CountResponse {
                result: Some(CountResult {
                    count: count as u64,
                }),
                ..CountResponse::default()
            })
        })
    }

    fn scroll(&self, request: ScrollPoints) -> Answer<ScrollResponse> {
        self.with(&request.collection_name, |collection| {
            let start = request.offset.map(|id| key(Some(id))).unwrap_or_default();
            let limit = request.limit.unwrap_or(10) as usize;
            let points = collection.points.range(start..).map(|(_, point)| point);
            let mut passing = points.filter(|point| passes(request.filter.as_ref(), point));
            Ok(ScrollResponse {
                result: passing.by_ref().take(limit).map(retrieved).collect(),
                next_page_offset: passing.next().and_then(|point| point.id.clone()),
                ..ScrollResponse::default()
            })
        })
    }

    fn query(&self, request: &QueryPoints) -> Answer<QueryResponse> {
        self.with(&request.collection_name, |collection| {
            Ok(QueryResponse {
                result: answers::query(collection, request)?,
                ..QueryResponse::default()
            })
        })
    }
}

fn key(id: Option<PointId>) -> String {
    format!("{:?}", id.and_then(|id| id.point_id_options))
}

fn selected(selector: Option<PointsSelector>) -> Vec<String> {
    match selector.and_then(|selector| selector.points_selector_one_of) {
        Some(PointsSelectorOneOf::Points(list)) => {
            list.ids.into_iter().map(|id| key(Some(id))).collect()
        }
        Some(PointsSelectorOneOf::Filter(_)) | None => Vec::new(),
    }
}

fn retrieved(point: &PointStruct) -> RetrievedPoint {
    RetrievedPoint {
        id: point.id.clone(),
        payload: point.payload.clone(),
        ..RetrievedPoint::default()
    }
}

/// Implements a trait of the API, each call by an expression.
macro_rules! api {
    ($api:path { $($name:ident($request:ident) -> $response:ident = $call:expr;)* }) => {
        #[tonic::async_trait]
        impl $api for Service {
            $(async fn $name(
                &self,
                request: Request<qdrant::$request>,
            ) -> Answer<qdrant::$response> {
                let call: fn(&Self, qdrant::$request) -> Answer<qdrant::$response> = $call;
                call(self, request.into_inner())
            })*
        }
    };
}

api! {
    Points {
        upsert(UpsertPoints) -> PointsOperationResponse = |service, request| service.upsert(request);
        delete(DeletePoints) -> PointsOperationResponse = |service, request| service.delete(request);
        get(GetPoints) -> GetResponse = |service, request| service.get(request);
        update_vectors(UpdatePointVectors) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("update_vectors"));
        delete_vectors(DeletePointVectors) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("delete_vectors"));
        set_payload(SetPayloadPoints) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("set_payload"));
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("overwrite_payload"));
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("delete_payload"));
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("clear_payload"));
        create_field_index(CreateFieldIndexCollection) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("create_field_index"));
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("delete_field_index"));
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("create_vector_name"));
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse = |_, _| Err(Status::unimplemented("delete_vector_name"));
        search(SearchPoints) -> SearchResponse = |_, _| Err(Status::unimplemented("search"));
        search_batch(SearchBatchPoints) -> SearchBatchResponse = |_, _| Err(Status::unimplemented("search_batch"));
        search_groups(SearchPointGroups) -> SearchGroupsResponse = |_, _| Err(Status::unimplemented("search_groups"));
        scroll(ScrollPoints) -> ScrollResponse = |service, request| service.scroll(request);
        recommend(RecommendPoints) -> RecommendResponse = |_, _| Err(Status::unimplemented("recommend"));
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse = |_, _| Err(Status::unimplemented("recommend_batch"));
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse = |_, _| Err(Status::unimplemented("recommend_groups"));
        discover(DiscoverPoints) -> DiscoverResponse = |_, _| Err(Status::unimplemented("discover"));
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse = |_, _| Err(Status::unimplemented("discover_batch"));
        count(CountPoints) -> CountResponse = |service, request| service.count(request);
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse = |service, request| service.update_batch(request);
        query(QueryPoints) -> QueryResponse = |service, request| service.query(&request);
        query_batch(QueryBatchPoints) -> QueryBatchResponse = |_, _| Err(Status::unimplemented("query_batch"));
        query_groups(QueryPointGroups) -> QueryGroupsResponse = |_, _| Err(Status::unimplemented("query_groups"));
        facet(FacetCounts) -> FacetResponse = |_, _| Err(Status::unimplemented("facet"));
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse = |_, _| Err(Status::unimplemented("search_matrix_pairs"));
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse = |_, _| Err(Status::unimplemented("search_matrix_offsets"));
    }
}

api! {
    Collections {
        get(GetCollectionInfoRequest) -> GetCollectionInfoResponse = |service, request| service.info(&request);
        list(ListCollectionsRequest) -> ListCollectionsResponse = |_, _| Err(Status::unimplemented("list"));
        create(CreateCollection) -> CollectionOperationResponse = |service, request| service.create(request);
        update(UpdateCollection) -> CollectionOperationResponse = |_, _| Err(Status::unimplemented("update"));
        delete(DeleteCollection) -> CollectionOperationResponse = |_, _| Err(Status::unimplemented("delete"));
        update_aliases(ChangeAliases) -> CollectionOperationResponse = |_, _| Err(Status::unimplemented("update_aliases"));
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse = |_, _| Err(Status::unimplemented("list_collection_aliases"));
        list_aliases(ListAliasesRequest) -> ListAliasesResponse = |_, _| Err(Status::unimplemented("list_aliases"));
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse = |_, _| Err(Status::unimplemented("collection_cluster_info"));
        collection_exists(CollectionExistsRequest) -> CollectionExistsResponse = |_, _| Err(Status::unimplemented("collection_exists"));
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse = |_, _| Err(Status::unimplemented("update_collection_cluster_setup"));
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse = |_, _| Err(Status::unimplemented("create_shard_key"));
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse = |_, _| Err(Status::unimplemented("delete_shard_key"));
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse = |_, _| Err(Status::unimplemented("list_shard_keys"));
    }
}
