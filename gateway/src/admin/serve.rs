//! The socket.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::guard::AdminConfig;
use super::routes::router;
use crate::deploying::Deployer;
use crate::server::Connections;

/// Connections at the same time; more wait in the system's backlog.
const MAX_CONNECTIONS: usize = 32;

/// Time for open connections to close.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves `deployer` on `listener` until `shutdown` ends.
pub async fn serve_admin(
    listener: TcpListener,
    deployer: Arc<Deployer>,
    config: AdminConfig,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut connections = Connections::new(router(deployer, config), MAX_CONNECTIONS);
    connections.accept(listener, shutdown).await;
    connections.close(PATIENCE).await;
}
