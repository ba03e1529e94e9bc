//! A search as a product of its own: no model, one stage, a collection that is empty, filled, and another
//! encoder's.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, penstock, required, write_config};

fn config(encoder: &str) -> String {
    let source = required("PENSTOCK_TEST_EMBEDDER");
    format!(
        "encoders:\n  - {{name: {encoder}, source: {source}}}\n\
         collections:\n  - {{name: docs, encoder: {encoder}, store: data/docs}}\n\
         applications:\n  - name: search\n    route_prefix: /search\n    pipeline: [find]\n    output: passages\n    \
         deployments:\n      - name: find\n        lookup:\n          collection: docs\n          top_k: 1\n          \
         filter: {{must: [{{key: lang, match: {{value: '{{{{ request.lang }}}}'}}}}]}}\n"
    )
}

fn run(home: &TempDir, text: &str, arguments: &[&str]) -> Output {
    let config = write_config(home, text);
    let (command, rest) = arguments.split_first().unwrap();
    let mut penstock = penstock(home);
    penstock.arg(command).args(rest).current_dir(home.path());
    match *command {
        "run" => penstock.arg(config).args(["--port", "0"]),
        _ => penstock.arg("--config").arg(config),
    };
    penstock.output().unwrap()
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn ask(server: &Server, body: &Value) -> (u16, Value) {
    let url = format!("{}/search", server.url);
    let response = Client::new().post(url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_search_says_when_it_has_nothing_and_finds_what_is_ingested() {
    let home = Arc::new(TempDir::new().unwrap());
    let text = config("minilm");
    let lines = concat!(
        "{\"text\": \"The mill grinds corn.\", \"lang\": \"en\"}\n",
        "{\"text\": \"Ships sail on the sea.\", \"lang\": \"en\"}\n",
        "{\"text\": \"Die Mühle mahlt Korn.\", \"lang\": \"de\"}\n",
    );
    std::fs::write(home.path().join("lines.jsonl"), lines).unwrap();

    let server = Server::configured(Arc::clone(&home), &text);
    let warning =
        "it is empty; stop this server and fill it: penstock ingest docs PATHS... --config ";
    assert!(server.banner.contains(warning), "{}", server.banner);
    let asked = json!({"question": "Where are vessels?", "lang": "en"});
    let (status, told) = ask(&server, &asked).await;
    assert_eq!((status, &told["penstock"]["sources"]), (200, &json!([])), "{told}");
    let busy = error(&run(&home, &text, &["ingest", "docs", "lines.jsonl"]));
    assert!(busy.contains("the collection is open elsewhere"), "{busy}");
    assert!(server.terminate().success());

    let ingested = run(&home, &text, &["ingest", "docs", "lines.jsonl"]);
    assert!(ingested.status.success(), "{ingested:?}");
    let server = Server::configured(Arc::clone(&home), &text);
    assert!(
        server.banner.contains("passages  3, encoded by minilm"),
        "{}",
        server.banner
    );
    let (_, told) = ask(&server, &asked).await;
    assert_eq!(told["penstock"]["sources"][0]["text"], "Ships sail on the sea.");
    assert_eq!(told["penstock"]["sources"][0]["source"], "lines.jsonl");
    let (_, told) = ask(&server, &json!({"question": "mill", "lang": "de"})).await;
    assert_eq!(told["penstock"]["sources"][0]["text"], "Die Mühle mahlt Korn.");
    let (status, told) = ask(&server, &json!({"question": "mill"})).await;
    assert_eq!(status, 400, "{told}");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("the filter cannot be made of request"),
        "{message}"
    );
    assert!(server.terminate().success());

    let other = error(&run(&home, &config("other"), &["run"]));
    assert!(
        other.contains("config.yaml:4:27: `collections[0].encoder` cannot be used: collection docs was made with minilm (384)"),
        "{other}"
    );
    assert!(Path::new(home.path()).join("data/docs").is_dir());
}
