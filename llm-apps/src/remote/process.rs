//! A replica's process: how it is started, and how its end is told.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::config::Program;

/// Starts processes from one thread, which lives as long as they may: Linux tells a child that its parent
/// died when the thread that started it ends.
#[derive(Debug)]
pub(super) struct Starter {
    orders: flume::Sender<Order>,
    /// Ends when nobody can order any more.
    _thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Order {
    command: Command,
    started: oneshot::Sender<io::Result<Child>>,
}

/// A started process and the other end of its socket. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) socket: UnixStream,
}

impl Starter {
    /// A thread of its own; `runtime` hears of the ends of its processes.
    pub(super) fn new(runtime: Handle) -> io::Result<Self> {
        let (orders, inbox) = flume::bounded::<Order>(16);
        let thread = thread::Builder::new().name("replicas".to_owned());
        let thread = thread.spawn(move || {
            let _entered = runtime.enter();
            for Order {
                mut command,
                started,
            } in inbox
            {
                // Nobody waits for it any more: the process ends with its handle.
                started.send(command.spawn()).ok();
            }
        })?;
        Ok(Self {
            orders,
            _thread: thread,
        })
    }

    /// Starts `program` as the replica `name`. Its standard input is a socket, whose other end comes
    /// back: when that closes, the process ends. It is in a process group of its own, so that a terminal
    /// that interrupts the server leaves replicas to the server.
    pub(super) async fn start(&self, program: &Program, name: &str) -> io::Result<Process> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(&program.path);
        command
            .args(&program.arguments)
            .args(["--name", name])
            .arg0("penstock")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let gone = |_| io::Error::other("the thread that starts replicas is gone");
        let (started, starts) = oneshot::channel();
        let order = Order { command, started };
        self.orders.send_async(order).await.map_err(|_| gone(()))?;
        let child = starts.await.map_err(|_| gone(()))??;
        let socket = UnixStream::from_std(ours)?;
        Ok(Process { child, socket })
    }
}

/// How a process ended, in words; `said` is its last line.
pub(super) fn explained(status: io::Result<ExitStatus>, said: Option<String>) -> String {
    let status = match status {
        Ok(status) => status,
        Err(error) => return format!("ended, and how cannot be known: {error}"),
    };
    let how = match (status.signal(), status.code()) {
        (Some(9), _) => {
            "was killed by SIGKILL: by somebody, or by the system for want of memory".to_owned()
        }
        (Some(signal), _) => format!("was ended by {}", signal_name(signal)),
        (None, Some(code)) => format!("ended with code {code}"),
        (None, None) => format!("ended: {status}"),
    };
    match said {
        // What is killed from outside has not seen it coming.
        Some(said) if status.signal() != Some(9) => format!("{how}; it said last: {said}"),
        Some(_) | None => how,
    }
}

fn signal_name(signal: i32) -> String {
    match signal {
        4 => "SIGILL".to_owned(),
        6 => "SIGABRT".to_owned(),
        7 => "SIGBUS".to_owned(),
        8 => "SIGFPE".to_owned(),
        11 => "SIGSEGV".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => format!("signal {other}"),
    }
}
