//! Request routers: which replica a request goes to.

mod least_loaded;
mod pow_two;
mod session;
mod traits;

pub use least_loaded::LeastLoaded;
pub use pow_two::PowerOfTwoChoices;
pub use session::SessionAffinity;
pub use traits::{Candidate, RequestRouter};
