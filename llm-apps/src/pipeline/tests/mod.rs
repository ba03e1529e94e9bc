//! Ways of a payload.

mod fixture;
mod streams;
mod ways;
