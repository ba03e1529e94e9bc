//! Configurations that are deployed while the server runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use gateway::{
    AdminConfig, ConfigSource, Deployer, GatewayConfig, ModelEntry, Opened, Opener, serve_admin,
};
use llm_apps::controller::{Site, Surroundings};
use llm_apps::spec::ServeConfig;
use llm_apps::stage::generate::{GenerateDefaults, TextModel};
use parking_lot::Mutex;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::fixture::{Server, named_model, new_state, saying};

/// Makes fake models that say their `source`, and remembers them.
#[derive(Clone, Default)]
struct Fakes(Arc<Mutex<BTreeMap<String, TextModel>>>);

impl Opener for Fakes {
    fn open<'a>(
        &'a self,
        config: &'a ServeConfig,
        renewed: &'a BTreeSet<String>,
    ) -> BoxFuture<'a, anyhow::Result<Opened>> {
        async move {
            let mut known = self.0.lock();
            let mut models = Vec::new();
            for spec in &config.models {
                let source = spec.source.to_string();
                anyhow::ensure!(!source.contains("torn"), "{source} is torn");
                if renewed.contains(&spec.name) || !known.contains_key(&spec.name) {
                    let model = named_model(&spec.name, saying(&source));
                    known.insert(spec.name.clone(), model);
                }
                models.push(known[&spec.name].clone());
            }
            let with_defaults = |model: &TextModel| {
                let defaults = GenerateDefaults {
                    params: engine::SamplingParams::default(),
                    max_tokens: None,
                    seed: Arc::new(|| 7),
                    unix_time: Arc::new(|| 0),
                };
                (model.clone(), defaults)
            };
            let surroundings = Surroundings {
                models: models.iter().map(with_defaults).collect(),
                upstreams: BTreeMap::new(),
                encoders: BTreeMap::new(),
                classifiers: BTreeMap::new(),
                translators: BTreeMap::new(),
                collections: BTreeMap::new(),
                renewed: renewed.clone(),
                seed: 1,
                site: Site::default(),
                now: 1_700_000_000.0,
            };
            let models = models.into_iter().map(ModelEntry::from).collect();
            Ok(Opened {
                models,
                small_models: Vec::new(),
                surroundings,
            })
        }
        .boxed()
    }
}

/// A server whose configuration can be changed.
struct Deployed {
    server: Server,
    admin: String,
    folder: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

impl Deployed {
    async fn start(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = source(folder.path().to_owned(), yaml);
        let state = new_state(GatewayConfig::default());
        let fakes = Fakes::default();
        let vars = BTreeMap::new();
        let deployer = Arc::new(Deployer::new(Arc::clone(&state), fakes.clone(), vars));
        let config = source.prove(&BTreeMap::new()).unwrap();
        deployer.start(source, config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        let worker = Arc::clone(&deployer);
        tasks.spawn(async move { worker.work().await });
        let never = std::future::pending();
        tasks.spawn(serve_admin(
            listener,
            deployer,
            AdminConfig::default(),
            never,
        ));
        let model = fakes.0.lock()["small"].clone();
        Self {
            server: Server::of(state, model).await,
            admin,
            folder,
            _tasks: tasks,
        }
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let client = &self.server.client;
        let request = client.request(method, format!("{}{path}", self.admin));
        let response = request.body(body.to_owned()).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let told = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, told)
    }

    async fn put(&self, yaml: &str) -> (StatusCode, Value) {
        self.send(Method::PUT, "/api/serve/applications/", yaml)
            .await
    }

    async fn details(&self) -> Value {
        let (status, told) = self.send(Method::GET, "/api/serve/applications/", "").await;
        assert_eq!(status, StatusCode::OK);
        told
    }

    /// Waits until the application `app` stands so.
    async fn until(&self, status: &str) -> Value {
        for _ in 0..3000 {
            let details = self.details().await;
            if details["applications"]["app"]["status"] == status {
                return details;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("it never became {status}: {}", self.details().await);
    }

    /// What the application answers now.
    async fn ask(&self) -> (StatusCode, Value) {
        let body = json!({"model": "app", "messages": [{"role": "user", "content": "Hi"}]});
        let response = self.server.post("/v1/chat/completions", &body);
        let response = response.send().await.unwrap();
        let status = response.status();
        let told: Value = response.json().await.unwrap();
        let said = told.pointer("/choices/0/message/content");
        (status, said.cloned().unwrap_or_default())
    }
}

fn source(folder: PathBuf, yaml: &str) -> ConfigSource {
    ConfigSource {
        file: "app.yaml".to_owned(),
        folder,
        text: yaml.to_owned(),
    }
}

/// An application of one stage over a model that says `model`.
fn app(model: &str, more: &str) -> String {
    format!(
        "models:\n  - {{name: small, source: ./{model}}}\n\
         applications:\n  - name: app\n    pipeline: [answer]\n    deployments:\n      \
         - {{name: answer, generate: {{model: small}}{more}}}\n"
    )
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_what_changed_decides_what_restarts() {
    let server = Deployed::start(&app("one", "")).await;
    server.until("RUNNING").await;
    assert!(server.ask().await.1.as_str().unwrap().ends_with("one"));
    let (status, plan) = server.put(&app("one", "")).await;
    assert_eq!(status, StatusCode::OK);
    let action = |plan: &Value| plan["applications"][0]["deployments"][0]["action"].clone();
    assert_eq!(action(&plan), "keep");
    let (_, plan) = server.put(&app("one", ", num_replicas: 2")).await;
    assert_eq!(action(&plan), "update");
    let because = &plan["applications"][0]["deployments"][0]["because"];
    assert_eq!(because, &json!(["num_replicas"]));
    let (_, plan) = server.put(&app("two", ", num_replicas: 2")).await;
    assert_eq!(plan["resources"][0]["action"], "roll");
    assert_eq!(action(&plan), "roll");
    let details = server.until("RUNNING").await;
    let answer = &details["applications"]["app"]["deployments"]["answer"];
    assert_eq!(answer["target_num_replicas"], 2);
    for _ in 0..500 {
        if server.ask().await.1.as_str().unwrap().ends_with("two") {
            break;
        }
    }
    for _ in 0..10 {
        assert!(server.ask().await.1.as_str().unwrap().ends_with("two"));
    }
    let metrics = server.server.get("/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let latency = "penstock_deployment_processing_latency_seconds_bucket{application=\"app\"";
    assert!(metrics.contains(latency), "{metrics}");
    let (status, text) = server.send(Method::GET, "/api/serve/config", "").await;
    assert_eq!(
        (status, text),
        (StatusCode::OK, json!(app("two", ", num_replicas: 2")))
    );
    let config = &server.details().await["applications"]["app"]["deployed_app_config"];
    assert_eq!(config["pipeline"], json!(["answer"]));
}

#[tokio::test]
async fn what_is_wrong_changes_nothing_and_says_all_of_it() {
    let server = Deployed::start(&app("one", "")).await;
    let bad = app("two", ", num_replicas: -1, max_queued_requests: many");
    let (status, told) = server.put(&bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("configuration:7:") && message.lines().count() == 2,
        "{message}"
    );
    let other = format!("http_options: {{port: 1}}\n{}", app("two", ""));
    let (status, told) = server.put(&other).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("http_options cannot change"),
        "{message}"
    );
    server.until("RUNNING").await;
    assert!(server.ask().await.1.as_str().unwrap().ends_with("one"));
    let (status, plan) = server
        .send(
            Method::PUT,
            "/api/serve/applications?plan=true",
            &app("two", ""),
        )
        .await;
    assert_eq!(
        (status, &plan["resources"][0]["action"]),
        (StatusCode::OK, &json!("roll"))
    );
    assert!(
        server.ask().await.1.as_str().unwrap().ends_with("one"),
        "a plan is no deed"
    );
}

#[tokio::test]
async fn what_cannot_be_opened_leaves_the_old_one_serving_and_says_why() {
    let server = Deployed::start(&app("one", "")).await;
    server.until("RUNNING").await;
    let (status, _) = server.put(&app("torn", "")).await;
    assert_eq!(status, StatusCode::OK, "it is found out later");
    let details = server.until("DEPLOY_FAILED").await;
    let message = details["applications"]["app"]["message"].as_str().unwrap();
    assert!(message.contains("torn is torn"), "{message}");
    assert!(server.ask().await.1.as_str().unwrap().ends_with("one"));
    let (status, _) = server.put(&app("three", "")).await;
    assert_eq!(status, StatusCode::OK);
    server.until("RUNNING").await;
}

/// An application of one stage that is a program, which writes `writes`.
fn of_program(program: &str, writes: &str) -> String {
    format!(
        "models:\n  - {{name: small, source: ./one}}\n\
         applications:\n  - name: app\n    pipeline: [look]\n    deployments:\n      \
         - {{name: look, process: {{command: [{program}], reads: [question], writes: [{writes}]}}}}\n"
    )
}

#[tokio::test]
async fn what_comes_in_place_of_another_serves_when_it_runs() {
    let server = Deployed::start(&app("one", "")).await;
    server.until("RUNNING").await;
    let broken = "sh, -c, exit 7";
    let sed = r#"s/.*"id": *\([0-9]*\).*/{"id": \1, "variables": {"answer": "seen"}}/"#;
    let works = format!("sed, -u, '{sed}'");
    // A new deployment, and then one in place of another, that cannot start.
    for configuration in [
        of_program(broken, "answer"),
        of_program(broken, "answer, more"),
    ] {
        let (status, told) = server.put(&configuration).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let details = server.until("DEPLOY_FAILED").await;
        let message = details["applications"]["app"]["message"].as_str().unwrap();
        assert!(message.starts_with("look: "), "{message}");
        let (status, said) = server.ask().await;
        assert_eq!(status, StatusCode::OK, "the old one serves: {said}");
        assert!(said.as_str().unwrap().ends_with("one"), "{said}");
    }
    let (status, told) = server.put(&of_program(&works, "answer")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    server.until("RUNNING").await;
    for _ in 0..500 {
        if server.ask().await.1 == "seen" {
            break;
        }
    }
    assert_eq!(server.ask().await, (StatusCode::OK, json!("seen")));
    // What cannot start in its place leaves the program serving.
    let (status, told) = server.put(&of_program(broken, "answer, more")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    server.until("DEPLOY_FAILED").await;
    assert_eq!(server.ask().await, (StatusCode::OK, json!("seen")));
    let (status, told) = server.put(&app("two", "")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    server.until("RUNNING").await;
    for _ in 0..500 {
        if server.ask().await.1 != "seen" {
            break;
        }
    }
    assert!(server.ask().await.1.as_str().unwrap().ends_with("two"));
}

#[tokio::test]
async fn applications_go_and_models_stay() {
    let server = Deployed::start(&app("one", "")).await;
    server.until("RUNNING").await;
    let (status, _) = server
        .send(Method::DELETE, "/api/serve/applications/", "")
        .await;
    assert_eq!(status, StatusCode::OK);
    for _ in 0..3000 {
        if server.details().await["applications"] == json!({}) {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.ask().await.0, StatusCode::NOT_FOUND);
    let models: Value = server
        .server
        .get("/v1/models")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(models["data"].as_array().unwrap().len(), 1);
    let (status, _) = server.put(&app("one", "")).await;
    assert_eq!(status, StatusCode::OK);
    server.until("RUNNING").await;
    assert_eq!(server.ask().await.0, StatusCode::OK);
}

#[tokio::test]
async fn web_pages_and_strangers_give_no_orders() {
    let server = Deployed::start(&app("one", "")).await;
    let url = format!("{}/api/serve/applications/", server.admin);
    let client = &server.server.client;
    let page = client.delete(&url).header("origin", "http://evil.example");
    assert_eq!(page.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let (status, told) = server.send(Method::GET, "/nowhere", "").await;
    assert_eq!(
        (status, &told["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("unknown_url"))
    );
    let (status, _) = server.send(Method::POST, "/api/serve/config", "").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    // On the clients' socket there is no such thing.
    let outside = server
        .server
        .get("/api/serve/applications/")
        .send()
        .await
        .unwrap();
    assert_eq!(outside.status(), StatusCode::NOT_FOUND);
}

/// 6.11.3 and 6.11.4: fifty requests a second, while the prompt, then the model, then the whole shape of the
/// pipeline change.
#[tokio::test]
async fn rollouts_under_load_drop_nothing() {
    let prompts = |text: &str, model: &str| {
        format!(
            "models:\n  - {{name: small, source: ./{model}}}\n\
             applications:\n  - name: app\n    pipeline: [compose, answer]\n    deployments:\n      \
             - {{name: compose, prompt: {{template: {text}.j2}}}}\n      \
             - {{name: answer, num_replicas: 2, generate: {{model: small}}}}\n"
        )
    };
    let server = Deployed::start(&app("first", "")).await;
    for name in ["a", "b"] {
        let text = format!("{name}: {{{{ question }}}}");
        std::fs::write(server.folder.path().join(format!("{name}.j2")), text).unwrap();
    }
    server.until("RUNNING").await;
    let configurations = [
        prompts("a", "first"),
        prompts("b", "first"),
        prompts("b", "second"),
        app("second", ""),
        app("third", ", num_replicas: 3"),
    ];
    let load = async {
        let arrivals = (0..150).map(|index| {
            let server = &server;
            async move {
                sleep(Duration::from_millis(20) * index).await;
                server.ask().await
            }
        });
        join_all(arrivals).await
    };
    let deploying = async {
        for configuration in &configurations {
            sleep(Duration::from_millis(400)).await;
            let (status, told) = server.put(configuration).await;
            assert_eq!(status, StatusCode::OK, "{told}");
        }
    };
    let (answers, ()) = tokio::join!(load, deploying);
    let failed: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status != 200)
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );
    let (_, last) = server.ask().await;
    assert!(last.as_str().unwrap().ends_with("third"), "{last}");
}
