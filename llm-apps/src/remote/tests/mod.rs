//! Replicas without processes: a connection each, whose server is ended as a process would be.

mod bounds;
mod failover;
mod fixture;
mod kept;
mod protocol;

pub(in crate::remote) use fixture::{LIMITS, tokenizer};
