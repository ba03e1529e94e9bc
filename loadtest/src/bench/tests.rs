//! Whole runs against a server in this process.

use std::future::{pending, ready};

use anyhow::anyhow;
use clap::Parser;
use serde_json::Value;

use super::*;
use crate::cli::{Cli, Command};
use crate::mock::{GENEROUS, Mock};

fn options(arguments: &[&str]) -> BenchOptions {
    let line = [&["loadtest", "bench", "--model", "m"], arguments].concat();
    match Cli::parse_from(line).command {
        Command::Bench(options) => options,
        Command::Load(_) | Command::Spin { .. } => panic!("another command"),
    }
}

#[tokio::test]
async fn every_row_is_measured_in_turn_with_prompts_of_its_own() {
    let ours = Mock::start(GENEROUS).await;
    let theirs = Mock::start(GENEROUS).await;
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("bench.json");
    let (a, b) = (format!("a={}", ours.url), format!("b={}", theirs.url));
    let rows = "stream-1,streams-32,prefix,amid-decodes";
    let arguments = ["--server", &a, "--server", &b, "--rows", rows];
    let rest = ["--rounds", "2", "--json", json.to_str().unwrap()];
    let options = options(&[&arguments[..], &rest].concat());
    assert_eq!(run(&options, pending()).await.unwrap(), 0);

    let mut asked = ours.prompts();
    assert_eq!(
        asked,
        theirs.prompts(),
        "both are asked the same in the same order"
    );
    // Two rounds, each with two requests that wake the server up.
    assert_eq!(asked.len(), 2 * ((2 + 3) + (2 + 64) + (2 + 32) + (2 + 9)));
    asked.retain(|prompt| prompt.len() > 1);
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 2 * ((1 + 3) + (1 + 64) + (1 + 32) + (1 + 9)));

    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let order = report["measurements"].as_array().unwrap().iter();
    let order: Vec<_> = order
        .map(|m| format!("{}{}{}", m["row"], m["server"], m["round"]).replace('"', ""))
        .collect();
    assert_eq!(
        order[..5],
        [
            "stream-1a1",
            "stream-1b1",
            "stream-1a2",
            "stream-1b2",
            "streams-32a1"
        ]
    );
    let titles = report["table"].as_array().unwrap().iter();
    let figures: Vec<_> = titles
        .map(|line| line["figure"].as_str().unwrap())
        .collect();
    let rate = "output_tokens_per_second";
    assert_eq!(
        figures,
        [rate, rate, "total_seconds", "worst_gap_ms", "gap_before_ms"]
    );
    assert!(report["table"][0]["ratio"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn only_a_command_can_be_started_and_what_was_measured_is_kept() {
    let mock = Mock::start(GENEROUS).await;
    let server = format!("a={}", mock.url);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("bench.json");
    let path = json.to_str().unwrap();
    let arguments = [
        "--server",
        &server,
        "--rows",
        "stream-1,start",
        "--json",
        path,
    ];
    let options = options(&arguments);
    let error = run(&options, pending()).await.unwrap_err();
    assert!(format!("{error:#}").contains("start: a: this row starts the program"));
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(report["measurements"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn it_stops_when_it_is_told_to() {
    let mock = Mock::start(GENEROUS).await;
    let server = format!("a={}", mock.url);
    let options = options(&["--server", &server, "--rounds", "1000"]);
    let error = run(&options, ready(Err(anyhow!("told to stop")))).await;
    assert_eq!(error.unwrap_err().to_string(), "told to stop");
}
