//! The official clients and the frameworks over them, in their own languages, against one server.

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

fn run_python(script: &str) {
    let server = Server::start("");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let python = required("PENSTOCK_TEST_PYTHON");
    run_client(Command::new(python).arg(folder.join(script)), &server);
}

#[test]
fn openai_python() {
    run_python("openai_python.py");
}

#[test]
fn openai_python_tools() {
    run_python("openai_python_tools.py");
}

#[test]
fn openai_python_responses() {
    run_python("openai_python_responses.py");
}

#[test]
fn anthropic_python() {
    run_python("anthropic_python.py");
}

#[test]
fn the_openapi_document() {
    let server = Server::start("");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openapi_document.py");
    let mut python = Command::new(required("PENSTOCK_TEST_PYTHON"));
    let output = python.arg(script).arg(&server.url).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
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

#[test]
fn openai_node_responses() {
    let server = Server::start("");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node");
    run_client(
        Command::new("node").arg(folder.join("openai_node_responses.mjs")),
        &server,
    );
}

#[test]
fn grpc_python() {
    let server = Server::start("grpc_options: {port: 0}\n");
    let said = "It speaks gRPC on http://";
    let mut lines = server.banner.lines();
    let address = lines.find_map(|line| line.strip_prefix(said)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/grpc_python.py");
    let mut command = Command::new(required("PENSTOCK_TEST_PYTHON"));
    let output = command.arg(script).arg(address).arg(MODEL).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// What frameworks ask: the model, and an encoder, whose name is the last argument.
fn run_framework(command: &mut Command) {
    let source = required("PENSTOCK_TEST_EMBEDDER");
    let server = Server::start(&format!(
        "encoders:\n  - name: minilm\n    source: {source}"
    ));
    let output = command
        .arg(format!("{}/v1", server.url))
        .args([MODEL, "minilm"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn python_framework(script: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let python = required("PENSTOCK_TEST_FRAMEWORKS_PYTHON");
    run_framework(Command::new(python).arg(folder.join(script)));
}

#[test]
fn vercel_ai() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node");
    run_framework(Command::new("node").arg(folder.join("vercel_ai.mjs")));
}

#[test]
fn langchain() {
    python_framework("framework_langchain.py");
}

#[test]
fn llama_index() {
    python_framework("framework_llama_index.py");
}

#[test]
fn litellm() {
    python_framework("framework_litellm.py");
}

#[test]
fn instructor() {
    python_framework("framework_instructor.py");
}

#[test]
fn llm_program() {
    python_framework("framework_llm_cli.py");
}
