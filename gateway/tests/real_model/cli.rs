//! The command line: banner, drain, and errors that say what would be right.

use std::net::TcpListener;
use std::process::Output;

use tempfile::TempDir;

use crate::server::{MODEL, Server, model_path, penstock};

fn stderr(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_banner_says_where_what_and_how_much() {
    let server = Server::start("");
    for part in [server.url.as_str(), MODEL, "KV cache", "512", "curl "] {
        assert!(
            server.banner.contains(part),
            "{part} is not in:\n{}",
            server.banner
        );
    }
    assert!(server.terminate().success());
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let home = TempDir::new().unwrap();
    let config = home.path().join("config.yaml");
    std::fs::write(
        &config,
        format!("models:\n  - name: m\n    source: {}\n", model_path()),
    )
    .unwrap();
    let output = penstock(&home)
        .arg("run")
        .arg(&config)
        .args(["--port", &port])
        .output()
        .unwrap();
    let message = stderr(&output);
    assert!(
        message.contains(&port) && message.contains("in use"),
        "{message}"
    );
}

#[test]
fn a_torn_model_is_refused() {
    let home = TempDir::new().unwrap();
    let torn = home.path().join("torn.gguf");
    let whole = std::fs::read(model_path()).unwrap();
    std::fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    let config = home.path().join("config.yaml");
    std::fs::write(
        &config,
        format!("models:\n  - name: m\n    source: {}\n", torn.display()),
    )
    .unwrap();
    let output = penstock(&home)
        .arg("run")
        .arg(&config)
        .args(["--port", "0"])
        .output()
        .unwrap();
    let message = stderr(&output);
    let place = format!("error: {}:3:13: `models[0].source`", config.display());
    assert!(message.starts_with(&place), "{message}");
    assert!(message.contains("torn.gguf"), "{message}");
    assert!(!message.contains("panicked"), "{message}");
}

/// What `run` says of the test's model with this line below it.
fn refused(engine: &str) -> (String, String) {
    let home = TempDir::new().unwrap();
    let config = home.path().join("config.yaml");
    let source = model_path();
    let text = format!("models:\n  - name: m\n    source: {source}\n    engine: {{ {engine} }}\n");
    std::fs::write(&config, text).unwrap();
    let output = penstock(&home)
        .arg("run")
        .arg(&config)
        .args(["--port", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    (config.display().to_string(), stderr(&output))
}

#[test]
fn what_does_not_fit_the_model_is_shown_where_it_stands() {
    for (engine, column, words) in [
        (
            "kv_cache: 900000GiB",
            25,
            "`models[0].engine.kv_cache` must be no more than the memory",
        ),
        (
            "kv_cache: 1MiB",
            25,
            "`models[0].engine.kv_cache` must be 180 MiB or more for one context of 8192 tokens, but \
             is 1 MiB",
        ),
        (
            "max_model_len: 9000",
            30,
            "`models[0].engine.max_model_len` must be from 1 to the model's 8192, but is 9000",
        ),
    ] {
        let (config, message) = refused(engine);
        let expected = format!("error: {config}:4:{column}: {words}");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn a_source_that_is_not_there_is_shown_where_it_stands() {
    let home = TempDir::new().unwrap();
    let config = home.path().join("config.yaml");
    std::fs::write(&config, "models:\n  - name: m\n    source: ./none.gguf\n").unwrap();
    let output = penstock(&home)
        .arg("run")
        .arg(&config)
        .args(["--port", "0"])
        .output()
        .unwrap();
    let message = stderr(&output);
    let expected = format!(
        "error: {}:3:13: `models[0].source` cannot be had: there is no model at",
        config.display()
    );
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn a_wrong_key_is_shown_where_it_stands() {
    let home = TempDir::new().unwrap();
    let config = home.path().join("config.yaml");
    std::fs::write(&config, "models:\n  - name: m\n    sorce: nowhere\n").unwrap();
    let output = penstock(&home).arg("run").arg(&config).output().unwrap();
    let message = stderr(&output);
    assert!(
        message.contains("config.yaml:3:5") && message.contains("source"),
        "{message}"
    );
}

#[test]
fn chat_answers_in_the_terminal() {
    let server = Server::start("");
    let home = TempDir::new().unwrap();
    let output = penstock(&home)
        .args([
            "chat",
            "--url",
            &server.url,
            "What is the capital of France?",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("Paris"),
        "{output:?}"
    );
}
