//! What clients do to a server, each scenario in a file: a closed loop of clients, a long prompt amid
//! running answers, starts of the program.

mod amid_decodes;
mod closed_loop;
mod ready;
#[cfg(test)]
mod tests;

pub(crate) use amid_decodes::AmidDecodes;
pub(crate) use closed_loop::ClosedLoop;
pub(crate) use ready::{TINY, first_token};
