//! A batch whose server is killed in its middle, twice, and answers each line once all the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{MODEL, Server, model_path};

const LINES: usize = 240;
const PATH: &str = "/v1/completions";

fn body(line: usize) -> Value {
    json!({"model": MODEL, "max_tokens": 1, "temperature": 0, "prompt": format!("Line {line}:")})
}

async fn json_of(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert!(status.is_success(), "{status}: {answer}");
    answer
}

/// Uploads the lines and starts the batch; returns its id.
async fn start(server: &Server) -> String {
    let line = |i| {
        let line = json!({"custom_id": format!("line-{i}"), "method": "POST", "url": PATH, "body": body(i)});
        format!("{line}\n")
    };
    let lines: String = (0..LINES).map(line).collect();
    let head = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\n\
                Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n";
    let form = format!("{head}{lines}\r\n--b--\r\n");
    let upload = Client::new()
        .post(format!("{}/v1/files", server.url))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form);
    let file = json_of(upload).await;
    let new = json!({"input_file_id": file["id"], "endpoint": PATH, "completion_window": "24h"});
    let created = Client::new()
        .post(format!("{}/v1/batches", server.url))
        .json(&new);
    json_of(created).await["id"].as_str().unwrap().to_owned()
}

/// Looks at the batch until so many lines are done. Each look is a request, so nothing spins.
async fn until_done(server: &Server, id: &str, lines: usize) -> Value {
    let client = Client::new();
    loop {
        let batch = json_of(client.get(format!("{}/v1/batches/{id}", server.url))).await;
        let counts = &batch["request_counts"];
        assert_eq!(counts["failed"], 0, "{batch}");
        let whole = lines < LINES || batch["status"] == "completed";
        if whole && counts["completed"].as_u64() >= Some(lines as u64) {
            return batch;
        }
    }
}

#[tokio::test]
async fn a_killed_server_answers_each_line_once() {
    let home = Arc::new(TempDir::new().unwrap());
    let text = format!(
        "models:\n  - name: {MODEL}\n    source: {}\n    engine: {{ kv_cache: 512MiB }}\n",
        model_path()
    );
    let start_server = || Server::configured(Arc::clone(&home), &text);
    let server = start_server();
    let id = start(&server).await;
    let first = until_done(&server, &id, LINES / 4).await;
    server.kill();
    let server = start_server();
    let second = until_done(&server, &id, LINES / 2).await;
    server.kill();
    for (killed, most) in [(first, LINES), (second, LINES)] {
        let done = killed["request_counts"]["completed"].as_u64().unwrap();
        assert!(done < most as u64, "killed in the middle: {killed}");
    }

    let server = start_server();
    let batch = until_done(&server, &id, LINES).await;
    let counts = json!({"total": LINES, "completed": LINES, "failed": 0});
    assert_eq!(
        (&batch["request_counts"], &batch["error_file_id"]),
        (&counts, &Value::Null)
    );
    let file = batch["output_file_id"].as_str().unwrap();
    let content = reqwest::get(format!("{}/v1/files/{file}/content", server.url)).await;
    let content = content.unwrap().text().await.unwrap();
    let answers: Vec<Value> = content
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(answers.len(), LINES);
    let by_id: BTreeMap<_, _> = answers
        .iter()
        .map(|a| (a["custom_id"].as_str().unwrap(), a))
        .collect();
    assert_eq!(by_id.len(), LINES, "each line once");
    // And as one says it who was never disturbed.
    let client = Client::new();
    for line in (0..LINES).step_by(12) {
        let direct = json_of(
            client
                .post(format!("{}{PATH}", server.url))
                .json(&body(line)),
        )
        .await;
        let answer = &by_id[format!("line-{line}").as_str()]["response"]["body"];
        assert_eq!(answer["choices"], direct["choices"], "line {line}");
    }
}
