//! The administrators' socket of a run.

use std::future::Future;
use std::sync::Arc;

use anyhow::Result;
use gateway::{AdminConfig, Deployer, serve_admin};
use llm_apps::spec::{AdminOptions, DEFAULT_ADMIN_PORT};
use tokio::net::TcpListener;

/// Takes the port; `port` goes before the configuration's. A default port that is taken is done without:
/// a second server on one machine is no mistake.
pub(super) async fn bind(options: &AdminOptions, port: Option<u16>) -> Result<Option<TcpListener>> {
    if !options.enabled {
        return Ok(None);
    }
    let host = &options.host;
    if let Some(port) = port.or(options.port) {
        let bound = super::bind::bind(host, port).await;
        return bound
            .map(Some)
            .map_err(|error| error.context("the administrators' API (`admin_options`)"));
    }
    let bound = TcpListener::bind((host.as_str(), DEFAULT_ADMIN_PORT)).await;
    Ok(bound
        .inspect_err(|error| {
            tracing::warn!(
                %error,
                "no administrators' API: port {DEFAULT_ADMIN_PORT} cannot be had; another can be chosen \
                 with --admin-port"
            );
        })
        .ok())
}

/// Where it listens.
pub(super) fn url(listener: &TcpListener) -> Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

/// Serves until `shutdown` ends; without a socket there is nothing to do.
pub(super) async fn serve(
    listener: Option<TcpListener>,
    options: &AdminOptions,
    deployer: &Arc<Deployer>,
    shutdown: impl Future<Output = ()> + Send,
) {
    if let Some(listener) = listener {
        let config = AdminConfig {
            api_key: options.api_key.as_deref().map(Into::into),
        };
        serve_admin(listener, Arc::clone(deployer), config, shutdown).await;
    }
}
