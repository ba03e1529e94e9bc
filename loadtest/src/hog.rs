//! Another program that takes a core away: a busy loop of normal priority, bound to one core.

use std::hint::black_box;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// The program; it ends with its owner, and by itself after its time.
#[derive(Debug)]
pub(crate) struct Hog {
    child: Child,
}

/// What the busy loop says when it begins.
const BEGINS: &[u8] = b"spinning\n";

impl Hog {
    /// Starts this program's `spin` on `core` and waits until it spins.
    ///
    /// # Errors
    /// When `taskset` (of util-linux) is not there or the core is not ours.
    pub(crate) async fn start(core: u32, limit: Duration) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program's path is not known")?;
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &core.to_string()]).arg(program);
        command.args(["spin", "--seconds", &limit.as_secs().to_string()]);
        Self::spawn(command, core).await
    }

    async fn spawn(mut command: Command, core: u32) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("taskset, which binds a program to a core, does not start")?;
        let stdout = child.stdout.take().context("the busy loop has no output")?;
        let mut said = [0; BEGINS.len()];
        // One that ends without a word said why on the error stream.
        let begun = BufReader::new(stdout).read_exact(&mut said).await.is_ok();
        ensure!(begun && said == BEGINS, "nothing spins on core {core}");
        Ok(Self { child })
    }

    /// Ends it; an error if it has ended by itself, for then its core was free for a while.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(
            ended.is_none(),
            "the busy loop ended before the measurement"
        );
        self.child
            .kill()
            .await
            .context("the busy loop cannot be killed")
    }
}

/// The loop itself, for `limit`.
pub(crate) fn spin(limit: Duration, out: &mut dyn Write) -> anyhow::Result<()> {
    out.write_all(BEGINS)?;
    out.flush()?;
    let start = Instant::now();
    while start.elapsed() < limit {
        for count in 0..10_000 {
            // Not the pause of a spin lock, at which a virtual machine gives its core away.
            black_box(count);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn it_is_waited_for_and_killed() {
        let hog = Hog::spawn(shell("echo spinning; exec sleep 600"), 0).await;
        hog.unwrap().stop().await.unwrap();
    }

    #[tokio::test]
    async fn one_that_does_not_spin_is_no_measurement() {
        let error = Hog::spawn(shell("exit 1"), 7).await.unwrap_err();
        assert_eq!(error.to_string(), "nothing spins on core 7");
        let mut hog = Hog::spawn(shell("echo spinning"), 0).await.unwrap();
        hog.child.wait().await.unwrap();
        assert!(hog.stop().await.is_err(), "it ended by itself");
    }

    #[test]
    fn the_loop_says_that_it_begins_and_ends_after_its_time() {
        let mut said = Vec::new();
        spin(Duration::ZERO, &mut said).unwrap();
        assert_eq!(said, BEGINS);
    }
}
