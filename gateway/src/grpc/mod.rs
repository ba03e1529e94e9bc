//! The way in by gRPC: `penstock.v1.Inference`, health, and reflection.
//!
//! A call goes the way of an HTTP request from admission on: the same permit, which lives as long as the
//! answer (G1, G3), the same deadline, the same measurements, and the same count of requests that shutdown
//! waits for. A client that leaves resets its stream, and hyper drops what answers it. On shutdown health
//! says NOT_SERVING before anything is refused (G2), new calls are then UNAVAILABLE, and running ones go on
//! until they are cut.

mod config;
mod health;
#[expect(
    unreachable_pub,
    unused_qualifications,
    clippy::absolute_paths,
    clippy::default_trait_access,
    clippy::too_many_lines,
    reason = "generated"
)]
mod proto;
mod request;
mod serve;
mod service;
mod status;

pub use config::GrpcConfig;
pub use serve::serve_grpc;
