//! Files into a collection, and again.

mod chunks;
mod fixture;
mod runs;
mod walks;
