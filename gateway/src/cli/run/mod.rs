//! `penstock run CONFIG`: from a file to a server, in an order that fails early.
//!
//! The configuration is proved, the port is taken, the models are fetched and opened, and then the
//! banner says that all is there. The port answers from the moment it is taken: `/livez` says yes,
//! `/readyz` says no until the models are there.

mod admin;
mod banner;
mod bind;
mod command;
mod grpc;
mod open;
mod opener;
mod retrieval;
mod shelf;
mod signals;
mod small_models;
mod started_small_model;

pub(super) use command::{machine, run};
#[cfg(test)]
pub(super) use {
    banner::{Addresses, Started, StartedCollection, StartedModel},
    bind::bind,
    command::gateway_config,
    started_small_model::StartedSmallModel,
};
