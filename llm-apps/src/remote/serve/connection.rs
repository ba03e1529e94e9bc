//! A connection, served until its other end is gone.

use std::error::Error;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::service::Routes;

use super::service::{OpenModelFn, ReplicaService};
use crate::remote::config::ReplicaConfig;
use crate::remote::proto::replica_server::ReplicaServer;

/// What one stream may have on its way.
pub(in crate::remote) const STREAM_WINDOW: u32 = 64 << 10;
/// What all of them may: room for the windows of 1,024.
pub(in crate::remote) const CONNECTION_WINDOW: u32 = 64 << 20;
/// A prompt's log-probabilities are one message.
pub(in crate::remote) const MAX_MESSAGE: usize = 1 << 30;
/// Calls at the same time.
const MAX_STREAMS: u32 = 1 << 20;

/// Is a replica: opens the model that it is told to open and generates what it is asked for, until the
/// other end of `connection` is gone.
///
/// # Errors
/// What went wrong with the connection; that the other end left is none.
pub async fn serve_replica<S>(connection: S) -> Result<(), Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let open = |config: &ReplicaConfig| engine::open(&config.path, &config.engine);
    serve_with(
        connection,
        Arc::new(move |config| open(config).map_err(|error| error.to_string())),
    )
    .await
}

/// The same with models from elsewhere.
pub(in crate::remote) async fn serve_with<S>(
    connection: S,
    open: OpenModelFn,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = ReplicaServer::new(ReplicaService::new(open))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let routes = Routes::new(service).prepare();
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS);
    builder
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(routes))
        .await
}
