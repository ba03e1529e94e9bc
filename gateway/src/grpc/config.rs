//! What the gRPC server can be told.

use std::time::Duration;

/// Habits of one server.
#[derive(Debug, Clone)]
pub struct GrpcConfig {
    /// Whether clients can ask what services there are. Default: yes.
    pub reflection: bool,
    /// Time that a call has for its whole answer; `None` is no limit. A client's own deadline may be
    /// shorter.
    pub request_timeout: Option<Duration>,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            reflection: true,
            request_timeout: None,
        }
    }
}
