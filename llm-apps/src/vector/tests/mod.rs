//! One contract, two stores: what [`VectorIndex`](super::VectorIndex) promises, held against the
//! embedded store and against a Qdrant server.
//!
//! With `PENSTOCK_TEST_QDRANT_URL` the server is a real one; else it is a stand-in that speaks the
//! same protocol and answers by the plainest code there is (`stand_in`).

mod contract;
mod filters;
mod fixture;
mod refusals;
mod stand_in;
