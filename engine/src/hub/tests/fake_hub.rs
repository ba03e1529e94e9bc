//! A hub on 127.0.0.1: one repository at one commit, with faults on demand.

use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Connections are taken, and nothing is ever said.
    Silent,
    /// Every answer is 404.
    NotFound,
    /// A file's first byte is another than it should be.
    WrongBytes,
    /// A file's answer ends after so many bytes, with the connection.
    CutAfter(usize),
    /// A file's answer stops after so many bytes, and the connection stays.
    StopAfter(usize),
    /// Ranges are not honoured.
    NoRanges,
}

pub(super) struct FakeHub {
    pub(super) endpoint: String,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    files: Vec<(String, Vec<u8>)>,
    fault: Mutex<Fault>,
    requests: Mutex<Vec<String>>,
}

impl FakeHub {
    /// Serves `files` as the repository `owner/model`.
    pub(super) async fn start(files: &[(&str, &[u8])], fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            files: files
                .iter()
                .map(|(p, b)| ((*p).to_owned(), b.to_vec()))
                .collect(),
            fault: Mutex::new(fault),
            requests: Mutex::new(Vec::new()),
        });
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    drop(state.serve(socket).await);
                });
            }
        });
        Self {
            endpoint,
            state,
            _tasks: tasks,
        }
    }

    pub(super) fn set(&self, fault: Fault) {
        *self.state.fault.lock().unwrap() = fault;
    }

    /// Request lines so far, with the range where there was one.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// How many times a file's body was asked for.
    pub(super) fn downloads(&self) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|r| r.starts_with("GET") && r.contains("/resolve/"))
            .count()
    }
}

impl State {
    async fn serve(&self, mut socket: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let line = head.lines().next().unwrap_or_default().to_owned();
        let range = head.lines().find_map(|line| {
            let line = line.to_ascii_lowercase();
            let range = line.strip_prefix("range: bytes=")?;
            range.split_once('-')?.0.parse::<usize>().ok()
        });
        let mut words = line.split(' ');
        let (method, url) = (
            words.next().unwrap_or(""),
            words.next().unwrap_or("").to_owned(),
        );
        let note = range
            .map(|from| format!(" from {from}"))
            .unwrap_or_default();
        self.requests
            .lock()
            .unwrap()
            .push(format!("{method} {url}{note}"));
        let fault = *self.fault.lock().unwrap();
        let path = url.split('?').next().unwrap_or_default();
        match fault {
            Fault::Silent => return std::future::pending().await,
            Fault::NotFound => return answer(&mut socket, "404 Not Found", "", b"").await,
            Fault::None
            | Fault::WrongBytes
            | Fault::CutAfter(_)
            | Fault::StopAfter(_)
            | Fault::NoRanges => {}
        }
        if path.starts_with("/api/models/owner/model/revision/")
            || path == "/api/models/owner/model"
        {
            let body = format!(r#"{{"id":"owner/model","sha":"{COMMIT}"}}"#);
            return answer(&mut socket, "200 OK", JSON, body.as_bytes()).await;
        }
        if path.starts_with("/api/models/owner/model/tree/") {
            let entries: Vec<String> = self
                .files
                .iter()
                .map(|(path, bytes)| {
                    format!(
                        r#"{{"type":"file","oid":"0","size":{},"path":"{path}"}}"#,
                        bytes.len()
                    )
                })
                .collect();
            let body = format!("[{}]", entries.join(","));
            return answer(&mut socket, "200 OK", JSON, body.as_bytes()).await;
        }
        let prefix = format!("/owner/model/resolve/{COMMIT}/");
        let file = path
            .strip_prefix(&prefix)
            .and_then(|name| self.files.iter().find(|(path, _)| path == name));
        let Some((_, bytes)) = file else {
            return answer(&mut socket, "404 Not Found", "", b"").await;
        };
        send_file(&mut socket, method, bytes, range, fault).await
    }
}

const JSON: &str = "content-type: application/json\r\n";

async fn answer(
    socket: &mut TcpStream,
    status: &str,
    headers: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body).await?;
    socket.shutdown().await
}

async fn send_file(
    socket: &mut TcpStream,
    method: &str,
    bytes: &[u8],
    range: Option<usize>,
    fault: Fault,
) -> std::io::Result<()> {
    let mut bytes = bytes.to_vec();
    if fault == Fault::WrongBytes {
        bytes[0] ^= 1;
    }
    let from = range.filter(|_| fault != Fault::NoRanges).unwrap_or(0);
    let status = if from > 0 {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\
         x-repo-commit: {COMMIT}\r\netag: \"1\"\r\n\r\n",
        bytes.len() - from
    );
    socket.write_all(head.as_bytes()).await?;
    if method == "HEAD" {
        return socket.shutdown().await;
    }
    match fault {
        Fault::CutAfter(count) => {
            socket.write_all(&bytes[from..count]).await?;
            socket.shutdown().await
        }
        Fault::StopAfter(count) => {
            socket.write_all(&bytes[from..count]).await?;
            std::future::pending().await
        }
        Fault::None | Fault::Silent | Fault::NotFound | Fault::WrongBytes | Fault::NoRanges => {
            socket.write_all(&bytes[from..]).await?;
            socket.shutdown().await
        }
    }
}

/// A file's SHA-256 as the catalogue writes it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
