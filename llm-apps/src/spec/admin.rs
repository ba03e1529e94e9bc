//! `admin_options`: where the server takes new configurations.

use std::fmt;

use super::fault::Faults;
use super::node::Node;
use super::read;
use super::section::Section;

/// The administrators' socket. Whoever reaches it decides what the server runs, so it is on this machine
/// alone unless a key guards it.
#[derive(Clone, PartialEq)]
pub struct AdminOptions {
    /// Whether there is one. Default: yes.
    pub enabled: bool,
    /// Address or host name to listen on. Default: `127.0.0.1`.
    pub host: String,
    /// TCP port; 0 lets the system choose one. Default: 8265, as Ray Serve's. Where the default port is
    /// taken, the server goes without; one that the file names must be free.
    pub port: Option<u16>,
    /// What callers must send as `Authorization: Bearer KEY`. Default: nothing; needed on other addresses
    /// than this machine's own.
    pub api_key: Option<String>,
}

/// The port where the file names none.
pub const DEFAULT_ADMIN_PORT: u16 = 8265;

impl AdminOptions {
    pub(super) fn read(node: &Node, f: &mut Faults) -> Self {
        let default = Self::default();
        let mut keys = Section::open("admin_options", node, f);
        let options = Self {
            enabled: keys.take("enabled", f, read::boolean).unwrap_or(true),
            host: keys.take("host", f, read::text).unwrap_or(default.host),
            port: keys.take("port", f, read::integer(0..=u16::MAX)),
            api_key: keys.take("api_key", f, key),
        };
        if options.api_key.is_none() && !is_this_machine(&options.host) {
            let at = keys.node("host").map_or_else(|| keys.at(), |node| node.at);
            let message = "`admin_options.host` lets other machines decide what this one runs; write \
                           `api_key: ${PENSTOCK_ADMIN_KEY}` beside it";
            f.note(at, message);
        }
        keys.finish(f);
        options
    }
}

impl Default for AdminOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            host: "127.0.0.1".to_owned(),
            port: None,
            api_key: None,
        }
    }
}

impl fmt::Debug for AdminOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminOptions")
            .field("enabled", &self.enabled)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn key(node: &Node) -> Result<String, read::Expected> {
    let expected = "a text of 16 or more visible ASCII characters";
    let key = read::text(node).map_err(|_| expected.to_owned())?;
    let fits = key.len() >= 16 && key.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(key).ok_or_else(|| expected.to_owned())
}
