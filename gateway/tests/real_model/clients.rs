//! The official clients, in their own languages, against one server.

use std::path::Path;
use std::process::Command;

use crate::server::{MODEL, Server, required};

fn run_client(command: &mut Command, server: &Server) {
    let output = command
        .arg(format!("{}/v1", server.url))
        .arg(MODEL)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn openai_python() {
    let server = Server::start("");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openai_python.py");
    run_client(
        Command::new(required("PENSTOCK_TEST_PYTHON")).arg(script),
        &server,
    );
}

#[test]
fn openai_node() {
    let server = Server::start("");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node");
    run_client(
        Command::new("node").arg(folder.join("openai_node.mjs")),
        &server,
    );
}
