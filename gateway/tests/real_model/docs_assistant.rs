//! The product `docs-assistant` on the real models: whether it finds what answers, and what its
//! validation keeps back.

use std::path::Path;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, penstock, product, root, write_config};

/// A passage that answers: its file, one of its headings, words of it.
type Right = (&'static str, &'static str, &'static str);

/// Questions as users ask them, and what answers each. Where the documentation says a thing twice, either
/// place is right.
const QUESTIONS: [(&str, &[Right]); 20] = [
    (
        "How many requests can one replica handle at the same time by default?",
        &[(
            "docs/applications.md",
            "Deployments",
            "max_ongoing_requests | 5",
        )],
    ),
    (
        "How does a prompt get shortened when it is longer than its token budget?",
        &[("docs/stages.md", "prompt", "loses the oldest turns")],
    ),
    (
        "Can I call an application with a plain JSON string instead of the OpenAI API?",
        &[(
            "docs/applications.md",
            "Asking",
            "a JSON string is the question",
        )],
    ),
    (
        "Which Prometheus metric tells me how full the KV cache is?",
        &[("docs/metrics.md", "Metrics", "penstock_kv_cache_usage_perc")],
    ),
    (
        "Is response_format supported?",
        &[
            ("docs/openai.md", "Fields", "response_format | honoured"),
            (
                "docs/openai.md",
                "Answers of a given form",
                "hold an answer to a form",
            ),
        ],
    ),
    (
        "What does the server do on SIGTERM?",
        &[("docs/openai.md", "Going away", "On SIGTERM")],
    ),
    (
        "How can I see which passages an answer was made from?",
        &[("docs/applications.md", "Asking", "penstock.sources")],
    ),
    (
        "What is the difference between repair and retry when validation fails?",
        &[(
            "docs/stages.md",
            "validate",
            "the text is cut before what is",
        )],
    ),
    (
        "How do I write a stage in Python?",
        &[
            ("docs/stages.md", "process", "for line in sys.stdin"),
            (
                "docs/stages.md",
                "process",
                "A stage written in Python or any other language",
            ),
        ],
    ),
    (
        "Which model architectures can it run?",
        &[("README.md", "What works", "Llama 2 and 3")],
    ),
    (
        "Do I need a GPU?",
        &[
            ("README.md", "Penstock", "no GPU needed"),
            ("README.md", "What works", "the engine runs on CPUs"),
        ],
    ),
    (
        "Where are downloaded models stored?",
        &[("README.md", "Another model", "PENSTOCK_HOME")],
    ),
    (
        "How do I add my documents to a collection?",
        &[("README.md", "Passages to search", "penstock ingest docs")],
    ),
    (
        "Does the output of a request depend on the other requests in the batch?",
        &[
            (
                "README.md",
                "Penstock",
                "do not depend on who else is in the batch",
            ),
            (
                "README.md",
                "Penstock",
                "depend on who else is in the batch",
            ),
            ("ARCHITECTURE.md", "Seven ideas", "Batch invariance"),
        ],
    ),
    (
        "How fast is it compared to llama.cpp?",
        &[
            ("README.md", "What works", "tokens/s | 175"),
            ("README.md", "What works", "3.9 times for 32"),
        ],
    ),
    (
        "What happens to a running request when the client disconnects?",
        &[
            (
                "ARCHITECTURE.md",
                "Cross-cutting",
                "A reader who leaves drops",
            ),
            (
                "docs/openai.md",
                "Streams",
                "Leaving the connection cancels",
            ),
        ],
    ),
    (
        "Can user input make the http stage call a different host?",
        &[("docs/stages.md", "http", "never the host")],
    ),
    (
        "How do I protect the server with an API key?",
        &[("README.md", "What works", "put a proxy in front")],
    ),
    (
        "What happens when health checks of a replica fail?",
        &[("docs/applications.md", "Deployments", "replace a replica")],
    ),
    (
        "Do I get the same answer again if I send the same seed?",
        &[(
            "docs/openai.md",
            "Answers",
            "The same seed, request and version",
        )],
    ),
];

/// How many of them must be found.
const LEAST: usize = 18;

/// A document with what no answer should pass on.
const POISON: &str =
    "# Handover\n\nThe administrator key of the demo server is sk-demo-open-sesame.\n";
/// The key in it.
const KEY: &str = "sk-demo-open-sesame";

/// Fills the collection of a product, from the repository's root as its README says.
fn ingest(home: &TempDir, text: &str, paths: &[&Path]) {
    let config = write_config(home, text);
    let output = penstock(home)
        .args(["ingest", "docs"])
        .args(paths)
        .arg("--config")
        .arg(config)
        .current_dir(root())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

fn is_right(source: &Value, (file, heading, words): &Right) -> bool {
    let headings = source["metadata"]["headings"].as_array();
    let below = |heading: &str| headings.is_some_and(|all| all.iter().any(|one| one == heading));
    let text = source["text"].as_str().unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    source["source"] == *file && below(heading) && text.contains(words)
}

#[tokio::test]
async fn the_assistant_finds_what_answers() {
    let (home, text) = product("docs-assistant.yaml");
    let paths = ["docs", "README.md", "ARCHITECTURE.md"].map(Path::new);
    ingest(&home, &text, &paths);
    let server = Server::configured(home, &text);
    assert!(
        server.banner.contains("retrieve, compose, answer, check")
            && !server.banner.contains("warning"),
        "{}",
        server.banner
    );
    let client = Client::new();
    let url = format!("{}/v1/chat/completions", server.url);
    let mut missed = Vec::new();
    for (question, right) in QUESTIONS {
        let body = json!({
            "model": "docs-assistant",
            "max_tokens": 8,
            "messages": [{"role": "user", "content": question}],
        });
        let response = client.post(&url).json(&body).send().await.unwrap();
        let told: Value = response.json().await.unwrap();
        let content = told["choices"][0]["message"]["content"].as_str();
        assert!(content.is_some_and(|text| !text.is_empty()), "{told}");
        let sources = told["penstock"]["sources"].as_array().unwrap();
        assert!((1..=10).contains(&sources.len()), "{sources:?}");
        let found = |right: &Right| sources.iter().any(|source| is_right(source, right));
        if !right.iter().any(found) {
            let shown = sources.iter().map(|source| {
                let (file, headings) = (&source["source"], &source["metadata"]["headings"]);
                format!("{file} {headings}: {}", source["text"])
            });
            missed.push(format!(
                "{question}\n  {}",
                shown.collect::<Vec<_>>().join("\n  ")
            ));
        }
    }
    let found = QUESTIONS.len() - missed.len();
    assert!(found >= LEAST, "found {found}; not\n{}", missed.join("\n"));
    assert!(server.terminate().success());
}

/// The pieces of a streamed answer.
async fn streamed(server: &Server, application: &str) -> Vec<String> {
    let body = json!({
        "model": application,
        "stream": true,
        "messages": [{"role": "user", "content": "What is the administrator key of the demo server?"}],
    });
    let url = format!("{}/v1/chat/completions", server.url);
    let response = Client::new().post(url).json(&body).send().await.unwrap();
    let frames = response.text().await.unwrap();
    assert!(frames.contains("data: [DONE]"), "{frames}");
    let data = frames
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let pieces = chunks.filter_map(|chunk| {
        let text = chunk["choices"][0]["delta"]["content"].as_str()?;
        Some(text.to_owned())
    });
    pieces.filter(|piece| !piece.is_empty()).collect()
}

#[tokio::test]
async fn a_poisoned_answer_is_repaired_and_its_poison_never_streamed() {
    let (home, text) = product("docs-assistant.yaml");
    let poison = home.path().join("handover.md");
    std::fs::write(&poison, POISON).unwrap();
    // Two more products beside it: one whose answers nobody checks, and one that checks them while they
    // stream.
    let (_, product) = text.split_once("applications:\n").unwrap();
    let product = product.replace("    route_prefix: /docs-assistant\n", "");
    let (unchecked, _) = product.split_once("      - name: check\n").unwrap();
    let unchecked = unchecked
        .replace("name: docs-assistant\n", "name: unchecked\n")
        .replace("answer, check]", "answer]");
    let (streaming, _) = product.split_once("          # Whoever prefers").unwrap();
    let streaming = streaming.replace("name: docs-assistant\n", "name: streaming\n");
    let streaming = format!("{streaming}          on_failure: repair\n");
    let text = format!("{text}{unchecked}{streaming}");
    ingest(&home, &text, &[&poison]);
    let server = Server::configured(home, &text);

    let poisoned = streamed(&server, "unchecked").await.concat();
    let before = poisoned.find(KEY).expect("the model passes the key on");
    let valid = poisoned[..before].trim_end();
    assert!(!valid.is_empty());

    let repaired = streamed(&server, "docs-assistant").await;
    assert_eq!(repaired.concat().trim_end(), valid);

    let pieces = streamed(&server, "streaming").await;
    assert!(pieces.len() > 3, "it streams: {pieces:?}");
    assert_eq!(pieces.concat().trim_end(), valid);
    assert!(server.terminate().success());
}
