//! The front door: OpenAI's HTTP surface over the text models of `llm_apps`.
//!
//! [`serve`] takes a listener, a [`Gateway`] and a stop signal. Rooms, in the order in which a
//! request meets them:
//!
//! - `server`: the socket, and the order of going away; `lifecycle`: its phases.
//! - `http`: request id, body, the net for panics. `routes`: one endpoint a file.
//! - [`openai`]: the wire: requests to proved values, events to responses.
//! - [`anthropic`]: the same chats in Anthropic's wire.
//! - [`decisions`]: questions answered with probabilities.
//! - `responses`: answers that are kept, made in the background, told again; conversations.
//! - `openapi`: all of it described, from the same tables.
//! - `admission`: who may generate now. `generation`: from a proved request to events.
//! - `small_models`: encoders and classifiers: vectors, scores, labels.
//! - `grpc`: another way in, to the same admission and the same events.
//! - `sse`: frames, and what happens when one side goes away.
//! - `error`: the only file that knows status codes. `telemetry`: what is counted.
//! - `store`: what survives a restart. `batches`: lines of files, answered behind all requests.
//! - `catalogue`: the models and applications that are served. `state`, `config`, `edge`: what all requests
//!   share, what is set, and chance and time.

#![forbid(unsafe_code)]

mod admin;
mod admission;
pub mod anthropic;
mod batches;
mod catalogue;
mod config;
pub mod decisions;
mod deploying;
mod edge;
mod error;
mod generation;
mod grpc;
mod http;
mod lifecycle;
pub mod openai;
mod openapi;
mod responses;
mod routes;
mod server;
mod small_models;
mod sse;
mod state;
mod store;
mod telemetry;

pub use admin::{AdminConfig, serve_admin};
pub use catalogue::{ModelEntry, ModelsError};
pub use config::{BadOrigin, Cors, GatewayConfig};
pub use deploying::{
    ApplicationDetails, ConfigSource, DeployError, Deployer, Details, Opened, Opener, StartError,
};
pub use edge::Edge;
pub use error::ApiError;
pub use grpc::{GrpcConfig, serve_grpc};
pub use server::serve;
pub use small_models::{SmallModel, SmallModelEntry};
pub use state::{Gateway, SharedState};
pub use telemetry::{Kind, METRICS, Metric, Telemetry};
