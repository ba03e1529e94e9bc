//! `grpc.health.v1.Health`: whether the server wants work, as `/readyz` says it (G2).

use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use tonic::server::NamedService;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::proto::inference_server::InferenceServer;
use super::service::InferenceService;
use crate::state::SharedState;

/// How often one who watches is told of a change at the latest.
const LOOK: Duration = Duration::from_millis(500);

/// The service over one server's state.
pub(super) struct HealthService {
    pub(super) state: SharedState,
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        if !is_ours(&service) {
            let service: String = service.chars().take(200).collect();
            return Err(Status::not_found(format!(
                "no service is called `{service}`"
            )));
        }
        Ok(Response::new(told(serving(&self.state))))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let known = is_ours(&request.into_inner().service);
        let now = move |state: &SharedState| match known {
            true => serving(state),
            // By the protocol one may wait for a service that comes.
            false => ServingStatus::ServiceUnknown,
        };
        let state = self.state.clone();
        let changes = unfold((state, None), move |(state, last)| async move {
            loop {
                let status = now(&state);
                if last != Some(status) {
                    return Some((Ok(told(status)), (state, Some(status))));
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

fn serving(state: &SharedState) -> ServingStatus {
    if state.lifecycle().is_not_ready() || state.catalogue().is_err() {
        ServingStatus::NotServing
    } else {
        ServingStatus::Serving
    }
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

/// The server as a whole, or its one service.
fn is_ours(service: &str) -> bool {
    service.is_empty() || service == InferenceServer::<InferenceService>::NAME
}
