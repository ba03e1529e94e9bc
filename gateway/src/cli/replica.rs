//! `penstock replica`: one engine in a process of its own. The server starts it, and nobody else can.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;

use anyhow::{Context, Result, anyhow};
use llm_apps::remote::serve_replica;
use tokio::net::UnixStream;

/// Generates what the server asks for, until the server is gone.
pub(super) async fn replica() -> Result<()> {
    end_with_parent();
    let stdin = std::io::stdin();
    let socket = stdin.as_fd().try_clone_to_owned()?;
    let socket = StdUnixStream::from(socket);
    let not_started_by_a_server = "standard input is no socket: `penstock replica` is started by `penstock run` where \
         a model has `isolation: process`";
    socket.peer_addr().context(not_started_by_a_server)?;
    socket.set_nonblocking(true)?;
    let served = serve_replica(UnixStream::from_std(socket)?).await;
    served.map_err(|error| anyhow!("the connection to the server failed: {error}"))
}

/// The socket closes when the server dies, and this process ends. One that is stopped at that moment would
/// not see it, so Linux is told to kill it.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
            tracing::warn!(%error, "the system does not tie this process to its parent");
        }
    }
}
