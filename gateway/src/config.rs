//! What the server itself can be told: every knob with its unit, its default and its consequence.
//! The types leave no room for a wrong value, so nothing below re-checks them.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use thiserror::Error;

/// Limits and habits of one server. [`GatewayConfig::default`] suits a laptop and a small model.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Requests that may generate at the same time. One more waits in the queue.
    pub max_ongoing_requests: NonZeroUsize,
    /// Requests that may wait for their turn, first come, first served. One more is refused with
    /// 429 and `Retry-After`. 0 refuses at once.
    pub max_queued_requests: usize,
    /// Answers that one request may ask for: its prompts times `n`.
    pub max_choices: NonZeroU32,
    /// Bytes of a request body. A longer one is refused with 413.
    pub max_body_bytes: usize,
    /// Time that a client has to send a request's body. A slower one is refused with 408.
    pub body_timeout: Duration,
    /// Connections held open at the same time. More wait in the operating system's backlog.
    pub max_connections: NonZeroUsize,
    /// Silence on a stream after which a comment line is sent, so that proxies keep it open.
    pub keep_alive_interval: Duration,
    /// What `Retry-After` says to a client that is refused for lack of room. Whole seconds.
    pub retry_after: Duration,
    /// Time between turning not ready and refusing new work on shutdown: long enough that load
    /// balancers notice.
    pub drain_settle: Duration,
    /// Time that running answers have to finish on shutdown. What is left is then ended with an
    /// error.
    pub graceful_shutdown_timeout: Duration,
    /// Time that a request has for its whole answer; `None` is no limit. A client can ask for less.
    pub request_timeout: Option<Duration>,
    /// Whether fields that no table knows are refused with 400. Otherwise they are ignored and
    /// counted in `penstock_unknown_request_fields_total`.
    pub strict: bool,
    /// Which web pages may call the server from a browser.
    pub cors: Cors,
    /// Where files, batches and stored responses are kept. It is made when something is first kept, and held by
    /// one process at a time. `None` keeps responses in memory and nothing else: requests that would need it are
    /// refused.
    pub data_dir: Option<PathBuf>,
    /// Bytes of a file that a client uploads. A longer one is refused with 413.
    pub max_file_bytes: u64,
    /// Lines of batches that are answered at the same time, at most, and only while there is room beside the
    /// requests of others.
    pub max_batch_lines: NonZeroUsize,
}

/// Origins that browsers may call from. Cookies and HTTP credentials are never allowed, so `Any`
/// gives a web page nothing that any program in its network would not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// No cross-origin headers: browsers refuse pages of other origins.
    Off,
    /// Every origin, as other servers of language models do.
    Any,
    /// These origins only.
    Origins(Vec<HeaderValue>),
}

/// An origin that cannot stand in a header.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the origin {0:?} is not a visible ASCII string such as https://example.org")]
pub struct BadOrigin(pub String);

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            max_ongoing_requests: nonzero(256),
            max_queued_requests: 256,
            max_choices: NonZeroU32::MIN.saturating_add(127),
            max_body_bytes: 8 << 20,
            body_timeout: Duration::from_secs(30),
            max_connections: nonzero(1024),
            keep_alive_interval: Duration::from_secs(15),
            retry_after: Duration::from_secs(1),
            drain_settle: Duration::from_millis(500),
            graceful_shutdown_timeout: Duration::from_secs(20),
            request_timeout: None,
            strict: false,
            cors: Cors::Any,
            data_dir: None,
            max_file_bytes: 100 << 20,
            max_batch_lines: nonzero(32),
        }
    }
}

impl Cors {
    /// Proves a list of origins.
    ///
    /// # Errors
    /// [`BadOrigin`] is the first that cannot be a header value.
    pub fn origins<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, BadOrigin> {
        let proved = origins
            .into_iter()
            .map(|o| HeaderValue::from_str(o).map_err(|_| BadOrigin(o.to_owned())));
        Ok(Self::Origins(proved.collect::<Result<_, _>>()?))
    }
}

/// `count`, which the callers above write as a positive literal.
fn nonzero(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}
