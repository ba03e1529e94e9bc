//! Request routers: which replica a request goes to.

mod config;
mod least_loaded;
mod pow_two;
mod prefix_aware;
mod session;
mod traits;

pub use config::RouterConfig;
pub use least_loaded::LeastLoaded;
pub use pow_two::PowerOfTwoChoices;
pub use prefix_aware::{PrefixAware, PrefixAwareConfig};
pub use session::SessionAffinity;
pub use traits::{Candidate, RequestRouter};
