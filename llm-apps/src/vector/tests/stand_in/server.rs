//! The server's socket and its task.

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;

use super::service::Service;

/// A running stand-in; it ends when it is dropped.
pub(in crate::vector::tests) struct StandIn {
    url: String,
    _task: JoinSet<()>,
}

impl StandIn {
    pub(in crate::vector::tests) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = Service::default();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let server = Server::builder()
                .add_service(CollectionsServer::new(service.clone()))
                .add_service(PointsServer::new(service));
            server
                .serve_with_incoming(TcpIncoming::from(listener))
                .await
                .unwrap();
        });
        Self { url, _task: task }
    }

    pub(in crate::vector::tests) fn url(&self) -> &str {
        &self.url
    }
}
