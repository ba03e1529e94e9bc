//! Accepts connections and speaks HTTP/1.1 or HTTP/2 on each, in tasks that can be joined.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time for a request's head to arrive, and so the longest a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The open connections of one server.
pub(crate) struct Connections {
    app: Router,
    tasks: JoinSet<()>,
    /// Tasks that HTTP/2 connections start for their streams.
    streams: TaskTracker,
    room: Arc<Semaphore>,
    closing: CancellationToken,
}

impl Connections {
    pub(crate) fn new(app: Router, max: usize) -> Self {
        Self {
            app,
            tasks: JoinSet::new(),
            streams: TaskTracker::new(),
            room: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            closing: CancellationToken::new(),
        }
    }

    /// Accepts until `stop` ends.
    pub(crate) async fn accept(&mut self, listener: TcpListener, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                // Ended tasks are taken off the set as they come.
                Some(ended) = self.tasks.join_next() => log_panic(ended),
                (socket, place) = next(&listener, &self.room) => self.start(socket, place),
            }
        }
    }

    /// Tells every connection to close, waits for at most `patience`, and drops what is left.
    pub(crate) async fn close(mut self, patience: Duration) {
        self.closing.cancel();
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                log_panic(ended);
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "dropping connections that do not close"
            );
            self.tasks.shutdown().await;
        }
        // Streams end with their connection.
        self.streams.close();
        self.streams.wait().await;
    }

    fn start(&mut self, socket: TcpStream, place: OwnedSemaphorePermit) {
        // A token must leave at once, not wait for the next to fill a packet.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let service = TowerToHyperService::new(self.app.clone());
        let mut builder = Builder::new(Tracked(self.streams.clone()));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT);
        builder.http2().timer(TokioTimer::new());
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            let _place = place;
            let connection = builder.serve_connection(TokioIo::new(socket), service);
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                // A client that leaves in the middle of things is no fault of ours.
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

/// The next connection, once there is room for it.
async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        match accepted(listener, room).await {
            Ok(connection) => return connection,
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accepted(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (socket, _) = listener.accept().await?;
    Ok((socket, place))
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

/// Spawns what hyper wants spawned where it can be waited for.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
