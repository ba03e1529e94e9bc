//! Taking the port.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system has many errors, and three with advice"
)]

use std::io;

use anyhow::{Result, anyhow};
use tokio::net::TcpListener;

/// Listens on the address, or says what stands in the way and what to do.
pub(in crate::cli) async fn bind(host: &str, port: u16) -> Result<TcpListener> {
    TcpListener::bind((host, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "port {port} of {host} is in use by another program; stop that one, or choose another \
             port with --port (0 lets the system choose)"
        ),
        io::ErrorKind::PermissionDenied => anyhow!(
            "this user may not listen on port {port} of {host}; choose a port above 1023 with --port"
        ),
        io::ErrorKind::AddrNotAvailable => anyhow!(
            "{host} is not an address of this machine; choose another with --host, such as 127.0.0.1 \
             or 0.0.0.0"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot listen on port {port} of {host}")),
    })
}
