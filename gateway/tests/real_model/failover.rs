//! Processes that compute are killed and frozen, and whoever reads an answer cannot tell.

use std::process::Command;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::server::{MODEL, Server, model_path, penstock, write_config};

/// Tokens of each answer.
const TOKENS: usize = 64;

/// A server whose model is computed by so many processes.
fn start(replicas: usize) -> Server {
    let model = model_path();
    let text = format!(
        "models:\n  - name: {MODEL}\n    source: {model}\n    engine: {{ kv_cache: 128MiB, max_model_len: 1024, \
         threads: 1 }}\n    isolation: process\n    workers: {{ replicas: {replicas}, heartbeat_timeout_s: 3 }}\n"
    );
    Server::configured(TempDir::new().unwrap(), &text)
}

/// The processes as the server's administrators see them.
async fn replicas(server: &Server) -> Vec<Value> {
    let banner = &server.banner;
    let from = banner.find("Deploy and look at it on ").unwrap();
    let admin = banner[from..].lines().next().unwrap();
    let url = format!(
        "{}/api/serve/applications/",
        admin.rsplit(' ').next().unwrap()
    );
    let details: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let replicas = &details["replicas"][MODEL]["replicas"];
    replicas.as_array().expect("it has processes").clone()
}

/// Waits until all of them take requests.
async fn all_running(server: &Server) {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let all = replicas(server).await;
        if all.iter().all(|replica| replica["phase"] == "RUNNING") {
            return;
        }
        assert!(Instant::now() < limit, "{all:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The process that computes the only answer there is.
async fn serving(server: &Server) -> u64 {
    let all = replicas(server).await;
    let serves = |replica: &&Value| replica["ongoing_requests"].as_u64() > Some(0);
    let found = all.iter().find(serves).expect("one of them computes");
    found["pid"].as_u64().expect("it is a process")
}

fn signal(name: &str, pid: u64) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Whether there is such a process, other than one that waits to be buried.
fn lives(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim().starts_with('Z'))
}

fn question(more: &Value) -> Value {
    let mut body = json!({
        "model": MODEL, "stream": true, "max_tokens": TOKENS, "ignore_eos": true,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "Tell me a story about a river."}],
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

/// What happens to the process that computes, once so many pieces of the answer are read.
type Harm<'a> = Option<(usize, &'a str)>;

/// The data of a stream, without what no two answers have in common: its id and its time.
async fn answer(server: &Server, body: &Value, harm: Harm<'_>) -> Vec<Value> {
    let url = format!("{}/v1/chat/completions", server.url);
    let sent = Client::new().post(url).json(body).send();
    let mut response = sent.await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let (mut text, mut computes, mut harm) = (String::new(), None, harm);
    while let Some(chunk) = response.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        let Some((at, with)) = harm else { continue };
        let pid = match computes {
            Some(pid) => pid,
            None => *computes.insert(serving(server).await),
        };
        if text.matches("data: ").count() > at {
            signal(with, pid);
            harm = None;
        }
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut data: Vec<_> = data.map(str::to_owned).collect();
    assert_eq!(data.pop().as_deref(), Some("[DONE]"), "{text}");
    let frame = |data: String| {
        let mut frame: Value = serde_json::from_str(&data).unwrap();
        assert!(frame.get("error").is_none(), "{frame}");
        let fields = frame.as_object_mut().unwrap();
        fields.remove("id");
        fields.remove("created");
        frame
    };
    data.into_iter().map(frame).collect()
}

/// Each choice's frames by themselves: those of two choices come as they come.
fn by_choice(frames: &[Value], choice: usize) -> Vec<&Value> {
    let of = |frame: &&Value| frame["choices"][0]["index"] == choice;
    frames.iter().filter(of).collect()
}

/// What an answer cost. How much of its prompt was cached depends on the answers before it.
fn usage(frames: &[Value]) -> Value {
    let mut usage = frames.last().unwrap()["usage"].clone();
    assert!(usage.is_object(), "{frames:?}");
    usage
        .as_object_mut()
        .unwrap()
        .remove("prompt_tokens_details");
    usage
}

fn cases() -> Vec<(&'static str, Value)> {
    let schema = json!({
        "type": "object",
        "properties": {
            "rivers": {"type": "array", "items": {"type": "string", "minLength": 8}, "minItems": 5},
        },
        "required": ["rivers"],
        "additionalProperties": false,
    });
    let schema = json!({"name": "rivers", "schema": schema, "strict": true});
    vec![
        ("greedy", json!({"temperature": 0})),
        (
            "seeded, with log-probabilities",
            json!({"temperature": 1, "seed": 11, "logprobs": true, "top_logprobs": 3}),
        ),
        (
            "penalties and a stop string",
            json!({"temperature": 0.8, "seed": 5, "frequency_penalty": 0.6, "stop": ["zzzz"]}),
        ),
        (
            "json_schema",
            json!({
                "temperature": 1, "seed": 3,
                "response_format": {"type": "json_schema", "json_schema": schema},
            }),
        ),
        (
            "regex",
            json!({"temperature": 1, "seed": 4, "guided_regex": "([A-Z][a-z]{3,8} ){16}end"}),
        ),
        ("two choices", json!({"temperature": 1, "seed": 9, "n": 2})),
    ]
}

/// Where the process is killed: near the beginning, and further on. `loadtest/kill-replica.py` tries every place.
fn places(case: usize) -> Vec<usize> {
    vec![1 + case, 17 + 7 * case]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_not_noticed() {
    let server = start(2);
    for (case, (name, more)) in cases().into_iter().enumerate() {
        let body = question(&more);
        let expected = answer(&server, &body, None).await;
        assert!(expected.len() > 20, "{name}: {expected:?}");
        for at in places(case) {
            all_running(&server).await;
            let found = answer(&server, &body, Some((at, "-KILL"))).await;
            for choice in [0, 1] {
                let (found, expected) = (by_choice(&found, choice), by_choice(&expected, choice));
                assert_eq!(found, expected, "{name}, killed after {at}");
            }
            assert_eq!(usage(&found), usage(&expected), "{name}, killed after {at}");
        }
    }
    all_running(&server).await;
    let all = replicas(&server).await;
    let count = |field: &str| -> u64 { all.iter().map(|r| r[field].as_u64().unwrap()).sum() };
    assert_eq!(count("restarts"), 2 * cases().len() as u64);
    assert_eq!(count("ongoing_requests"), 0);
    let killed = "was killed by SIGKILL: by somebody, or by the system for want of memory";
    assert!(
        all.iter().any(|replica| replica["last_exit"] == killed),
        "{all:?}"
    );
    let metrics = reqwest::get(format!("{}/metrics", server.url)).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    for line in [
        format!("penstock_replicas{{model_name=\"{MODEL}\",state=\"RUNNING\"}} 2"),
        format!(
            "penstock_replica_restarts_total{{model_name=\"{MODEL}\"}} {}",
            2 * cases().len()
        ),
        format!("penstock_replica_quarantined_requests_total{{model_name=\"{MODEL}\"}} 0"),
        "penstock_admission_permits_in_use 0".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_is_found_and_its_answer_goes_on() {
    let server = start(2);
    let body = question(&json!({"temperature": 1, "seed": 2}));
    let expected = answer(&server, &body, None).await;
    let began = Instant::now();
    let found = answer(&server, &body, Some((9, "-STOP"))).await;
    assert_eq!(found[..found.len() - 1], expected[..expected.len() - 1]);
    assert!(began.elapsed() < Duration::from_secs(60));
    all_running(&server).await;
    let all = replicas(&server).await;
    let frozen = "gave no sign of life for 3 s and was killed";
    assert!(all.iter().any(|r| r["last_exit"] == frozen), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_outlives_its_server() {
    for how in ["-KILL", "-TERM"] {
        let server = start(2);
        let pids: Vec<_> = replicas(&server)
            .await
            .iter()
            .map(|replica| replica["pid"].as_u64().unwrap())
            .collect();
        assert_eq!(pids.len(), 2);
        assert!(pids.iter().all(|pid| lives(*pid)));
        // One of them cannot see its socket close.
        signal("-STOP", pids[0]);
        match how {
            "-KILL" => server.kill(),
            _ => drop(server.terminate()),
        }
        let limit = Instant::now() + Duration::from_secs(30);
        while pids.iter().any(|pid| lives(*pid)) {
            assert!(Instant::now() < limit, "{how}: {pids:?} live");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_process_comes_back_and_goes_on() {
    let server = start(1);
    let body = question(&json!({"temperature": 0}));
    let expected = answer(&server, &body, None).await;
    let found = answer(&server, &body, Some((20, "-KILL"))).await;
    assert_eq!(found[..found.len() - 1], expected[..expected.len() - 1]);
    assert_eq!(usage(&found), usage(&expected));
}

#[test]
fn a_model_that_cannot_be_opened_says_why() {
    let home = TempDir::new().unwrap();
    let text = format!(
        "models:\n  - name: {MODEL}\n    source: {}\n    engine: {{ kv_cache: 1MiB }}\n    isolation: process\n",
        model_path()
    );
    let config = write_config(&home, &text);
    let run = penstock(&home).arg("run").arg(config).output().unwrap();
    assert!(!run.status.success());
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(
        said.contains(&format!("the replica {MODEL}/0 did not start")),
        "{said}"
    );
    assert!(
        said.contains("a KV cache of 1048576 bytes cannot hold"),
        "{said}"
    );
}
