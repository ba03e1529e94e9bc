//! A provider's model, against a service on this machine that speaks its API.

mod answers;
mod failures;
mod requests;
mod stand_in;
