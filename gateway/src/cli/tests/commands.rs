//! The smaller commands, and what all of them do with errors.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use gateway::{Cors, GatewayConfig};
use llm_apps::spec::ServeConfig;

use super::terminal;
use crate::cli::run::{bind, gateway_config};
use crate::cli::{Arguments, dispatch, report};
use crate::env::Environment;

/// A sound GGUF file of version 3 without metadata and tensors.
const EMPTY_GGUF: &[u8] = b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Runs a command as `main` does; gives the exit code, `out` and `err`.
async fn penstock(arguments: &[&str], environment: Environment) -> (ExitCode, String, String) {
    let (mut terminal, out, err) = terminal();
    let arguments = std::iter::once(&"penstock").chain(arguments);
    let arguments = Arguments::try_parse_from(arguments).unwrap();
    let code = match dispatch(arguments, &environment, &mut terminal).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, &mut terminal),
    };
    (code, out.text(), err.text())
}

#[test]
fn the_arguments_are_well_formed() {
    Arguments::command().debug_assert();
}

#[tokio::test]
async fn version_and_completions_print() {
    let (code, out, _) = penstock(&["version"], Environment::default()).await;
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(out, format!("penstock {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = penstock(&["completions", shell], Environment::default()).await;
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(out.contains("completions"), "{shell}");
    }
}

#[tokio::test]
async fn models_lists_the_catalogue_and_what_is_cached() {
    let home = tempfile::tempdir().unwrap();
    let environment = || Environment::from([("PENSTOCK_HOME", home.path().to_str().unwrap())]);
    let (_, out, _) = penstock(&["models"], environment()).await;
    let lines: Vec<Vec<&str>> = out
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0][..5], ["NAME", "KIND", "LICENCE", "SIZE", "CACHED"]);
    let model = [
        "smollm2-135m-instruct",
        "generate",
        "Apache-2.0",
        "93.8",
        "MiB",
    ];
    assert_eq!(lines[1][..5], model);
    assert_eq!(lines[1][5], "no");
}

#[tokio::test]
async fn a_name_that_nobody_knows_gets_a_hint_and_an_exit_code() {
    let environment = Environment::from([("PENSTOCK_HOME", "/nowhere")]);
    let (code, out, err) = penstock(&["pull", "smollm2"], environment).await;
    assert_eq!(code, ExitCode::FAILURE);
    assert!(out.is_empty());
    let expected = "error: `smollm2` is not in the model catalogue; did you mean \
                    `smollm2-135m-instruct`?";
    assert!(err.starts_with(expected), "{err}");
    let environment = Environment::from([("PENSTOCK_HOME", "/nowhere")]);
    let (_, _, err) = penstock(&["pull", "nosuch"], environment).await;
    let expected = "error: `nosuch` is not in the model catalogue (it has, the most alike first: ";
    assert!(err.starts_with(expected), "{err}");
}

#[tokio::test]
async fn pull_prints_only_the_path_on_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.gguf");
    std::fs::write(&model, EMPTY_GGUF).unwrap();
    let environment = Environment::from([("PENSTOCK_HOME", "/nowhere")]);
    let (code, out, err) = penstock(&["pull", model.to_str().unwrap()], environment).await;
    assert_eq!(code, ExitCode::SUCCESS, "{err}");
    assert_eq!(out, format!("{}\n", model.display()));
    assert!(err.is_empty());
}

#[tokio::test]
async fn a_torn_file_is_not_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("torn.gguf");
    std::fs::write(&model, &EMPTY_GGUF[..20]).unwrap();
    let environment = Environment::from([("PENSTOCK_HOME", "/nowhere")]);
    let (code, out, err) = penstock(&["pull", model.to_str().unwrap()], environment).await;
    assert_eq!(code, ExitCode::FAILURE);
    assert!(out.is_empty());
    assert!(
        err.contains("torn.gguf") && err.contains("truncated"),
        "{err}"
    );
}

#[tokio::test]
async fn run_shows_every_fault_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.yaml");
    std::fs::write(&path, "http_options: {prot: 1}\nmodels: [{name: a}]\n").unwrap();
    let (code, _, err) = penstock(&["run", path.to_str().unwrap()], Environment::default()).await;
    assert_eq!(code, ExitCode::FAILURE);
    assert!(
        err.contains("bad.yaml:1:16: unknown key `http_options.prot`"),
        "{err}"
    );
    assert!(
        err.contains("bad.yaml:2:10: `models[0].source` is missing"),
        "{err}"
    );
}

#[tokio::test]
async fn a_busy_port_is_named_with_what_to_do() {
    let taken = bind("127.0.0.1", 0).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = bind("127.0.0.1", port).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("port {port} of 127.0.0.1 is in use")),
        "{error}"
    );
    assert!(error.contains("--port"), "{error}");
    let error = bind("192.0.2.1", 0).await.unwrap_err().to_string();
    assert!(
        error.contains("is not an address of this machine"),
        "{error}"
    );
}

#[test]
fn the_defaults_of_the_file_and_of_the_server_are_the_same() {
    let yaml = b"models: [{name: a, source: a}]";
    let config = ServeConfig::parse("t.yaml", Path::new(""), yaml, &BTreeMap::new()).unwrap();
    let from_file = gateway_config(&config).unwrap();
    assert_eq!(
        format!("{from_file:?}"),
        format!("{:?}", GatewayConfig::default())
    );
    let yaml = b"models: [{name: a, source: a}]\nhttp_options: {allow_origins: []}";
    let config = ServeConfig::parse("t.yaml", Path::new(""), yaml, &BTreeMap::new()).unwrap();
    assert_eq!(gateway_config(&config).unwrap().cors, Cors::Off);
}

#[test]
fn no_request_may_ask_for_more_answers_than_an_engine_holds() {
    for (asked, held, most) in [
        (128, [256, 64], 64),
        (8, [256, 64], 8),
        (300, [256, 999], 256),
    ] {
        let [one, two] = held;
        let yaml = format!(
            "max_choices: {asked}\nmodels:\n  - {{name: a, source: a, engine: {{max_requests: {one}}}}}\n  \
             - {{name: b, source: b, engine: {{max_requests: {two}}}}}\n"
        );
        let folder = Path::new("");
        let config = ServeConfig::parse("t.yaml", folder, yaml.as_bytes(), &BTreeMap::new());
        let found = gateway_config(&config.unwrap()).unwrap().max_choices;
        assert_eq!(found.get(), most, "{yaml}");
    }
}
