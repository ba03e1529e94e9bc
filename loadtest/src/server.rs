//! The servers that are measured: one that runs, or one that is started for a single measurement.

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::str::FromStr;

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// A server by name and by how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Server {
    pub(crate) name: String,
    #[serde(flatten)]
    launch: Launch,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Launch {
    /// It runs at this address.
    Url(String),
    /// This starts it: one command of the shell, which listens on `$PORT`.
    Command(String),
}

/// What a server is to be ready for; its command finds it in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needs {
    /// `$ROW`: the name of the row.
    pub(crate) row: &'static str,
    /// `$CLIENTS`: requests at a time.
    pub(crate) clients: u32,
    /// `$TOKENS`: of the longest prompt with its answer.
    pub(crate) tokens: u32,
}

/// A server that runs. One that was started here is killed with its owner.
#[derive(Debug)]
pub(crate) struct Instance {
    url: String,
    born: Instant,
    child: Option<Child>,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("{text:?} is not NAME=URL or NAME=COMMAND");
        let (name, launch) = text.split_once('=').ok_or_else(wanted)?;
        if name.is_empty() || launch.is_empty() || name.contains(char::is_whitespace) {
            return Err(wanted());
        }
        let (name, text) = (name.to_owned(), launch.to_owned());
        let is_url = ["http://", "https://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        let launch = if is_url {
            Launch::Url(text)
        } else {
            Launch::Command(text)
        };
        Ok(Self { name, launch })
    }
}

impl Server {
    /// Whether it can be started, which some rows want.
    pub(crate) fn is_command(&self) -> bool {
        matches!(self.launch, Launch::Command(_))
    }

    /// Starts it, if it does not run, with its output at the end of the file `log` in `logs`.
    ///
    /// # Errors
    /// When there is no port, no log, or no shell.
    pub(crate) fn start(&self, needs: &Needs, logs: Option<&Path>) -> anyhow::Result<Instance> {
        let command = match &self.launch {
            Launch::Url(url) => {
                return Ok(Instance {
                    url: url.clone(),
                    born: Instant::now(),
                    child: None,
                });
            }
            Launch::Command(command) => command,
        };
        let output = || -> anyhow::Result<Stdio> {
            let Some(logs) = logs else {
                return Ok(Stdio::null());
            };
            let path = logs.join(format!("{}.log", self.name));
            let file = OpenOptions::new().create(true).append(true).open(&path);
            Ok(file
                .with_context(|| format!("cannot write {}", path.display()))?
                .into())
        };
        let port = free_port().context("no port is free")?;
        let mut shell = Command::new("sh");
        // The shell makes room for the program, so that the process that is measured is the server.
        shell
            .arg("-c")
            .arg(format!("exec {command}"))
            .env("ROW", needs.row)
            .env("CLIENTS", needs.clients.to_string())
            .env("TOKENS", needs.tokens.to_string())
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(output()?)
            .stderr(output()?)
            .kill_on_drop(true);
        let born = Instant::now();
        let child = shell
            .spawn()
            .with_context(|| format!("{} does not start", self.name))?;
        Ok(Instance {
            url: format!("http://127.0.0.1:{port}"),
            born,
            child: Some(child),
        })
    }
}

impl Instance {
    /// Its address, without a path.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// When its program was started; for one that ran already, when it was first needed.
    pub(crate) fn born(&self) -> Instant {
        self.born
    }

    /// An error if its process has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        if let Some(status) = child.try_wait()? {
            bail!("the server ended: {status}; its log says why");
        }
        Ok(())
    }

    /// The most memory that its process has held, in MiB; none if it was not started here.
    pub(crate) fn peak_memory_mib(&self) -> anyhow::Result<Option<f64>> {
        let Some(id) = self.child.as_ref().and_then(Child::id) else {
            return Ok(None);
        };
        let path = format!("/proc/{id}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let kib = high_water_kib(&status).with_context(|| format!("{path} has no VmHWM"))?;
        Ok(Some(kib / 1024.0))
    }

    /// Kills it, if it was started here, and waits until it is gone with its memory and its port.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        match &mut self.child {
            Some(child) => child.kill().await.context("the server cannot be killed"),
            None => Ok(()),
        }
    }
}

/// `VmHWM` of a process's status file.
fn high_water_kib(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// A port that nobody listens on now. Somebody else may take it before the server does; it is then
/// the server that complains.
fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests;
