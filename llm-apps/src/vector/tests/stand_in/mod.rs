//! A stand-in of a Qdrant server: the gRPC API that our client uses, answered from memory by the
//! plainest code, which follows the API's documentation and not our own store.

mod answers;
mod matching;
mod server;
mod service;

pub(super) use server::StandIn;
