//! The administrators' surface: Ray Serve's REST API on a socket of its own.
//!
//! | method | path | |
//! |---|---|---|
//! | GET | `/api/serve/applications/` | how everything stands |
//! | PUT | `/api/serve/applications/` | deploys the YAML in the body; `?plan=true` only says what would change |
//! | DELETE | `/api/serve/applications/` | gives up all applications |
//! | GET | `/api/serve/config` | the configuration that is served, as it was written |
//!
//! Whoever reaches it decides what runs here. So it listens on this machine alone unless a key guards it,
//! and it takes no orders from web pages, which a browser would bring along.

mod guard;
mod routes;
mod serve;

pub use guard::AdminConfig;
pub use serve::serve_admin;
