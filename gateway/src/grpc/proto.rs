//! What `proto/penstock.proto` says, as the build script wrote it.

tonic::include_proto!("penstock.v1");

/// The same for clients that ask.
pub(super) const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/penstock.bin"));
