//! What `proto/replica.proto` says, as the build script wrote it.

#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "the generator writes them"
)]

tonic::include_proto!("penstock.replica.v1");

/// The number of the protocol.
pub(super) const PROTOCOL: u32 = 1;
