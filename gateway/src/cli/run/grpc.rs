//! The gRPC socket of a run.

use std::future::Future;
use std::sync::Arc;

use anyhow::Result;
use gateway::{GrpcConfig, SharedState, serve_grpc};
use llm_apps::spec::GrpcOptions;
use tokio::net::TcpListener;

/// Takes the port, if one is wanted.
pub(super) async fn bind(options: Option<&GrpcOptions>) -> Result<Option<TcpListener>> {
    let Some(options) = options else {
        return Ok(None);
    };
    let bound = super::bind::bind(&options.host, options.port).await;
    bound
        .map(Some)
        .map_err(|error| error.context("the way in by gRPC (`grpc_options`)"))
}

/// Serves until the HTTP server drains; without a socket there is nothing to do.
pub(super) fn serve(
    listener: Option<TcpListener>,
    options: Option<&GrpcOptions>,
    state: &SharedState,
) -> impl Future<Output = ()> + Send + use<> {
    let config = options.map(|options| GrpcConfig {
        reflection: options.reflection,
        request_timeout: options.request_timeout,
    });
    let state = Arc::clone(state);
    async move {
        if let (Some(listener), Some(config)) = (listener, config) {
            serve_grpc(listener, state, config).await;
        }
    }
}
