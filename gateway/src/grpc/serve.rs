//! The socket, and the order of going away, which is that of the HTTP server beside it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tonic::service::Routes;
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTOR;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;
use tower_http::catch_panic::CatchPanicLayer;

use super::config::GrpcConfig;
use super::health::HealthService;
use super::proto::DESCRIPTOR;
use super::proto::inference_server::InferenceServer;
use super::service::InferenceService;
use crate::http::{answer_panic, request_id};
use crate::server::Connections;
use crate::state::SharedState;

/// Time for answers that were cut to say so.
const CUT_PATIENCE: Duration = Duration::from_secs(2);

/// Time for idle connections to close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Serves `state` on `listener` until the server of `state` that [`serve`](crate::serve) runs drains.
pub async fn serve_grpc(listener: TcpListener, state: SharedState, config: GrpcConfig) {
    let max = state.config().max_connections.get();
    let mut connections = Connections::new(router(&state, config), max);
    let lifecycle = state.lifecycle();
    connections
        .accept(listener, lifecycle.until_draining())
        .await;
    let cut = async {
        lifecycle.until_cut().await;
        sleep(CUT_PATIENCE).await;
    };
    tokio::select! {
        () = lifecycle.until_idle() => {}
        () = cut => {}
    }
    connections.close(CLOSE_PATIENCE).await;
}

fn router(state: &SharedState, config: GrpcConfig) -> Router {
    let max_bytes = state.config().max_body_bytes;
    let reflection = config.reflection;
    let inference = InferenceService {
        state: Arc::clone(state),
        config,
    };
    let health = HealthService {
        state: Arc::clone(state),
    };
    let mut routes =
        Routes::new(InferenceServer::new(inference).max_decoding_message_size(max_bytes))
            .add_service(HealthServer::new(health));
    if reflection {
        let described = || {
            Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTOR)
                .register_encoded_file_descriptor_set(HEALTH_DESCRIPTOR)
        };
        // Not all clients know the second one yet.
        match (described().build_v1alpha(), described().build_v1()) {
            (Ok(first), Ok(second)) => routes = routes.add_service(first).add_service(second),
            // Our own descriptors, which a test reads.
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "gRPC goes without reflection");
            }
        }
    }
    routes
        .into_axum_router()
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(Arc::clone(state.edge()), request_id))
}
