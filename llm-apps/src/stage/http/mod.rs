//! `http`: any service that speaks HTTP and answers with JSON or text.
//!
//! The server is fixed by the configuration: variables reach the path, the query, headers and the body,
//! never the host; redirects are not followed, and no proxy is taken from the environment. So what a
//! client writes cannot make the application call another server.

mod body;
mod options;
mod stage;
#[cfg(test)]
mod tests;

pub use body::HttpBody;
pub use options::{HttpMethod, HttpResponse, HttpStageOptions};
pub use stage::HttpStage;
