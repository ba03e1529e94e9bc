//! `grpc_options`: the way in by gRPC, which is there when this section is.

use std::time::Duration;

use super::fault::Faults;
use super::http::host;
use super::node::Node;
use super::read;
use super::section::Section;

/// How the gRPC server listens.
#[derive(Debug, Clone, PartialEq)]
pub struct GrpcOptions {
    /// Address or host name to listen on. `0.0.0.0` lets other machines in. Default: `127.0.0.1`.
    pub host: String,
    /// TCP port; 0 lets the system choose one. Default: 9000, as Ray Serve's.
    pub port: u16,
    /// Whether clients can ask what services there are. Default: yes.
    pub reflection: bool,
    /// Seconds that a call has for its whole answer; then it ends with DEADLINE_EXCEEDED. A client's own
    /// deadline may be shorter. Default: no limit.
    pub request_timeout: Option<Duration>,
}

impl Default for GrpcOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 9000,
            reflection: true,
            request_timeout: None,
        }
    }
}

impl GrpcOptions {
    pub(super) fn read(node: &Node, f: &mut Faults) -> Self {
        let default = Self::default();
        let mut keys = Section::open("grpc_options", node, f);
        let options = Self {
            host: keys.take("host", f, host).unwrap_or(default.host),
            port: keys
                .take("port", f, read::integer(0..=u16::MAX))
                .unwrap_or(default.port),
            reflection: keys
                .take("reflection", f, read::boolean)
                .unwrap_or(default.reflection),
            request_timeout: keys.take("request_timeout_s", f, read::seconds(0.001..=86_400.0)),
        };
        keys.finish(f);
        options
    }
}
