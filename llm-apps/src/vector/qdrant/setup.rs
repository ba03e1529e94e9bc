//! Making a collection on the server, or checking that the one there is ours.

use std::collections::HashMap;

use qdrant_client::Qdrant;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionConfig, CreateCollection, Distance, Modifier, SparseVectorConfig, SparseVectorParams,
    Value, VectorParams, VectorParamsMap, VectorsConfig,
};
use serde_json::Value as Json;
use tonic::Code;

use super::convert::{DENSE, SPARSE};
use super::index::{Remote, code_of};
use crate::vector::collection::CollectionIdentity;
use crate::vector::error::VectorError;

/// Where a collection's metadata says which encoder made it.
const ENCODER: &str = "penstock_encoder";

/// Makes the collection unless it is there; one that is there must be this one.
pub(super) async fn make_or_check(
    client: &Qdrant,
    identity: &CollectionIdentity,
    remote: &Remote,
) -> Result<(), VectorError> {
    if let Some(config) = look(client, identity, remote).await? {
        return check(&config, identity, remote);
    }
    match client.create_collection(description(identity)).await {
        Ok(_) => {}
        // Another made it in between; then it has to be the same.
        Err(error) if code_of(&error) == Some(Code::AlreadyExists) => {}
        Err(error) => return Err(remote.explain(&error)),
    }
    match look(client, identity, remote).await? {
        Some(config) => check(&config, identity, remote),
        None => Err(remote.fault("the collection vanished as soon as it was made")),
    }
}

async fn look(
    client: &Qdrant,
    identity: &CollectionIdentity,
    remote: &Remote,
) -> Result<Option<CollectionConfig>, VectorError> {
    match client.collection_info(identity.name.as_str()).await {
        Ok(info) => {
            let config = info.result.and_then(|info| info.config);
            match config {
                Some(config) => Ok(Some(config)),
                None => Err(remote.fault("the server does not say how the collection was made")),
            }
        }
        Err(error) if code_of(&error) == Some(Code::NotFound) => Ok(None),
        Err(error) => Err(remote.explain(&error)),
    }
}

fn description(identity: &CollectionIdentity) -> CreateCollection {
    let dense = VectorParams {
        size: identity.dimension as u64,
        distance: Distance::Cosine.into(),
        ..VectorParams::default()
    };
    let sparse = SparseVectorParams {
        modifier: Some(Modifier::Idf.into()),
        ..SparseVectorParams::default()
    };
    CreateCollection {
        collection_name: identity.name.clone(),
        vectors_config: Some(VectorsConfig {
            config: Some(Config::ParamsMap(VectorParamsMap {
                map: HashMap::from([(DENSE.to_owned(), dense)]),
            })),
        }),
        sparse_vectors_config: Some(SparseVectorConfig {
            map: HashMap::from([(SPARSE.to_owned(), sparse)]),
        }),
        metadata: HashMap::from([(
            ENCODER.to_owned(),
            Value::from(Json::String(identity.encoder.clone())),
        )]),
        ..CreateCollection::default()
    }
}

fn check(
    config: &CollectionConfig,
    identity: &CollectionIdentity,
    remote: &Remote,
) -> Result<(), VectorError> {
    let params = config.params.as_ref();
    let dense = params
        .and_then(|params| params.vectors_config.as_ref()?.config.as_ref())
        .and_then(|config| match config {
            Config::ParamsMap(map) => map.map.get(DENSE),
            Config::Params(_) => None,
        });
    let sparse = params
        .and_then(|params| params.sparse_vectors_config.as_ref())
        .and_then(|config| config.map.get(SPARSE));
    let encoder = config
        .metadata
        .get(ENCODER)
        .map(|value| Json::from(value.clone()));
    let (Some(dense), Some(sparse), Some(Json::String(encoder))) = (dense, sparse, encoder) else {
        return Err(remote.fault(
            "it was not made by `penstock ingest`: vectors `dense` and `sparse` and the encoder's \
             name in its metadata are needed (Qdrant keeps metadata from version 1.16 on)",
        ));
    };
    if dense.distance() != Distance::Cosine || sparse.modifier() != Modifier::Idf {
        return Err(remote.fault(
            "its vector `dense` must be compared by cosine and its vector `sparse` have the modifier \
             idf, but they do not",
        ));
    }
    let dimension = usize::try_from(dense.size).unwrap_or(usize::MAX);
    identity.agree(&encoder, dimension)
}
