//! The YAML by which a server is described, proved when it is read.
//!
//! A file is parsed to a tree that knows the place of every node; sections take their keys from it,
//! and every fault is noted with its place, so that one run shows all of them. What comes out is
//! proved: nothing below re-checks it. Where a default is not the engine's own, it stands in the
//! `Default` of its section, and nowhere else. The environment is passed in.

mod admin;
mod application;
mod autoscaling;
mod classifiers;
mod collections;
mod complete;
mod config;
mod deployment;
mod encoders;
mod engine;
mod fault;
mod flow;
mod grpc;
mod http;
mod interpolate;
mod isolation;
mod json;
mod model;
mod model_names;
mod node;
mod opening;
mod places;
mod read;
mod resources;
mod router;
mod sampling;
mod schema;
mod section;
mod size;
mod slo;
mod source;
mod speculation;
mod stages;
mod steps;
mod streaming;
mod translators;
mod upstreams;

#[cfg(test)]
mod tests;

pub use admin::{AdminOptions, DEFAULT_ADMIN_PORT};
pub use application::{ApplicationSpec, DeploymentSpec};
pub use classifiers::ClassifierSpec;
pub use collections::{CollectionSpec, StoreSpec};
pub use complete::{complete, of_models};
pub use config::{ConfigError, ServeConfig};
pub use encoders::EncoderSpec;
pub use fault::{Fault, Faults};
pub use grpc::GrpcOptions;
pub use http::{AllowOrigins, HttpOptions};
pub use model::ModelSpec;
pub use node::Position;
pub use places::Places;
pub use sampling::SamplingDefaults;
pub use schema::SCHEMA;
pub use size::ByteSize;
pub use speculation::DraftModelSpec;
pub use stages::StageSpec;
pub use steps::{StepKind, StepSpec};
pub use translators::TranslatorSpec;
pub use upstreams::UpstreamSpec;
