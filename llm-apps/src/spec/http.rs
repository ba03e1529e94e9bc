//! `http_options`: the socket and what is allowed on it.

use std::time::Duration;

use super::fault::Faults;
use super::node::{Node, Value};
use super::read;
use super::section::Section;
use super::size::ByteSize;

/// How the server listens. [`HttpOptions::default`] is what a file without the section gets.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpOptions {
    /// Address or host name to listen on. `0.0.0.0` lets other machines in. Default: `127.0.0.1`.
    pub host: String,
    /// TCP port; 0 lets the system choose one. Default: 8000.
    pub port: u16,
    /// Bytes of a request's body at most; a longer one is refused with 413. Default: 8 MiB.
    pub max_body_bytes: usize,
    /// Seconds that a client has to send a request's body; a slower one is refused with 408.
    /// Default: 30.
    pub body_timeout: Duration,
    /// Connections held open at the same time; more wait in the system's backlog. Default: 1024.
    pub max_connections: usize,
    /// Seconds of silence on a stream after which a comment line is sent, so that proxies keep it
    /// open. Default: 15.
    pub keep_alive_interval: Duration,
    /// What `Retry-After` says to a client that is refused for lack of room, in whole seconds.
    /// Default: 1.
    pub retry_after: Duration,
    /// Seconds between turning not ready and refusing new work on shutdown: long enough that load
    /// balancers notice. Default: 0.5.
    pub drain_settle: Duration,
    /// Seconds that running answers have to finish on shutdown; what is left then ends with an
    /// error. Default: 20.
    pub graceful_shutdown_timeout: Duration,
    /// Seconds that a request has for its whole answer; then it is given up with 408, or, where its
    /// answer has begun to stream, with an error at its end. A client can ask for less. Default: no limit.
    pub request_timeout: Option<Duration>,
    /// Web pages that may call the server from a browser. Default: all.
    pub allow_origins: AllowOrigins,
}

/// Origins that browsers may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowOrigins {
    /// `"*"`: every origin.
    Any,
    /// These origins only, such as `https://example.org`; an empty list allows none.
    Only(Vec<String>),
}

const A_DAY: f64 = 86_400.0;

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8000,
            max_body_bytes: 8 << 20,
            body_timeout: Duration::from_secs(30),
            max_connections: 1024,
            keep_alive_interval: Duration::from_secs(15),
            retry_after: Duration::from_secs(1),
            drain_settle: Duration::from_millis(500),
            graceful_shutdown_timeout: Duration::from_secs(20),
            request_timeout: None,
            allow_origins: AllowOrigins::Any,
        }
    }
}

impl HttpOptions {
    pub(super) fn read(node: &Node, faults: &mut Faults) -> Self {
        let default = Self::default();
        let mut keys = Section::open("http_options", node, faults);
        let f = faults;
        let options = Self {
            host: keys.take("host", f, host).unwrap_or(default.host),
            port: keys
                .take("port", f, read::integer(0..=u16::MAX))
                .unwrap_or(default.port),
            max_body_bytes: keys
                .take("max_body_bytes", f, read::size(ByteSize(1 << 10)))
                .unwrap_or(default.max_body_bytes),
            body_timeout: keys
                .take("body_timeout_s", f, read::seconds(0.1..=A_DAY))
                .unwrap_or(default.body_timeout),
            max_connections: keys
                .take("max_connections", f, read::integer(1..=usize::MAX))
                .unwrap_or(default.max_connections),
            keep_alive_interval: keys
                .take("keep_alive_interval_s", f, read::seconds(0.1..=A_DAY))
                .unwrap_or(default.keep_alive_interval),
            retry_after: keys
                .take("retry_after_s", f, read::integer(1..=86_400_u32))
                .map_or(default.retry_after, |s| Duration::from_secs(s.into())),
            drain_settle: keys
                .take("drain_settle_s", f, read::seconds(0.0..=A_DAY))
                .unwrap_or(default.drain_settle),
            graceful_shutdown_timeout: keys
                .take("graceful_shutdown_timeout_s", f, read::seconds(0.0..=A_DAY))
                .unwrap_or(default.graceful_shutdown_timeout),
            request_timeout: keys.take("request_timeout_s", f, read::seconds(0.001..=A_DAY)),
            allow_origins: keys
                .take("allow_origins", f, allow_origins)
                .unwrap_or(default.allow_origins),
        };
        keys.finish(f);
        options
    }
}

pub(super) fn host(node: &Node) -> Result<String, read::Expected> {
    read::text(node)
        .ok()
        .filter(|host| {
            host.parse::<std::net::IpAddr>().is_ok()
                || host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        })
        .ok_or_else(|| "an address or host name such as 127.0.0.1, without a port".to_owned())
}

fn allow_origins(node: &Node) -> Result<AllowOrigins, read::Expected> {
    let expected = "`\"*\"` or a list of origins such as https://example.org, without a path";
    if read::text(node).is_ok_and(|text| text == "*") {
        return Ok(AllowOrigins::Any);
    }
    let Value::List(list) = &node.value else {
        return Err(expected.to_owned());
    };
    let origins = list.iter().map(|item| {
        read::text(item)
            .ok()
            .filter(|origin| is_origin(origin))
            .ok_or_else(|| format!("{expected} ({} is none)", item.shown()))
    });
    origins.collect::<Result<_, _>>().map(AllowOrigins::Only)
}

fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && !rest.is_empty()
            && rest
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
    })
}
