//! Requests by route and status, and calls by method and code. A route is a pattern of ours, never a path of a client's.

use axum::http::StatusCode;
use metrics::with_local_recorder;

use super::Telemetry;
use super::names::{GRPC_REQUESTS, HTTP_REQUESTS};

/// The route of requests that match none.
const NO_ROUTE: &str = "none";

impl Telemetry {
    /// Counts an answered request.
    pub(crate) fn answered(&self, route: Option<&str>, status: StatusCode) {
        let route = route.unwrap_or(NO_ROUTE).to_owned();
        with_local_recorder(&self.recorder, || {
            let labels = [("route", route), ("status", status.as_str().to_owned())];
            metrics::counter!(HTTP_REQUESTS, &labels).increment(1);
        });
    }

    /// Counts a gRPC call that ended.
    pub(crate) fn answered_grpc(&self, method: &'static str, code: &'static str) {
        with_local_recorder(&self.recorder, || {
            let labels = [("method", method), ("code", code)];
            metrics::counter!(GRPC_REQUESTS, &labels).increment(1);
        });
    }
}
