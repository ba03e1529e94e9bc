//! From the start of a server to its first token.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use crate::client::Caller;
use crate::request::{Request, Shape};
use crate::server::Instance;

/// The smallest request: one token in, one out.
pub(crate) const TINY: Shape = Shape {
    shared: 0,
    own: 1,
    output: 1,
};

/// Time between two attempts: short beside a start, long beside an attempt.
const PAUSE: Duration = Duration::from_millis(3);

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends `request` until it is answered; the time from the server's start to the first text.
///
/// # Errors
/// When the server ends, says something other than that it is still starting, or takes too long.
pub(crate) async fn first_token(
    server: &mut Instance,
    caller: &Caller,
    request: &Request,
) -> anyhow::Result<Duration> {
    loop {
        let sent = Instant::now();
        match caller.send(request).await {
            Ok(sample) => return Ok(sent - server.born() + sample.ttft),
            Err(failure) if failure.is_starting() && server.born().elapsed() < PATIENCE => {
                server.check()?;
                sleep(PAUSE).await;
            }
            Err(failure) => {
                server.check()?;
                bail!("no first token: {}", failure.in_full());
            }
        }
    }
}
