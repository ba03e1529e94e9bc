//! What `proto/penstock.proto` says, as the build script wrote it.

#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "the generator writes them"
)]

tonic::include_proto!("penstock.v1");

/// The same for clients that ask.
pub(super) const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/penstock.bin"));
