//! The commands that change a running server, as an administrator types them.

use std::process::Output;
use std::sync::Arc;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{MODEL, Server, model_path, penstock, write_config};

/// A server with one application, and what is typed at it.
struct Administered {
    server: Server,
    home: Arc<TempDir>,
    admin: String,
}

impl Administered {
    fn start() -> Self {
        let home = Arc::new(TempDir::new().unwrap());
        std::fs::create_dir(home.path().join("prompts")).unwrap();
        write_prompt(&home, "Say yes.");
        let server = Server::configured(Arc::clone(&home), &config("", "kind"));
        let banner = &server.banner;
        let from = banner.find("Deploy and look at it on ").unwrap();
        let admin = banner[from..].lines().next().unwrap();
        let admin = admin.rsplit(' ').next().unwrap().to_owned();
        Self {
            server,
            home,
            admin,
        }
    }

    /// Types a command about the server.
    fn type_in(&self, arguments: &[&str]) -> Output {
        let mut command = penstock(&self.home);
        command.args(arguments).args(["--url", &self.admin]);
        command.output().unwrap()
    }

    /// What a command that goes well prints.
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.type_in(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, text: &str) -> String {
        write_config(&self.home, text).display().to_string()
    }

    /// The prompt that the application writes now.
    async fn prompt(&self) -> Value {
        let url = format!("{}/echo", self.server.url);
        let request = Client::new().post(url).json(&json!("Hello"));
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// An application that answers with the prompt that it would send.
fn config(more: &str, tone: &str) -> String {
    format!(
        "models:\n  - name: {MODEL}\n    source: {}\n    engine: {{ kv_cache: 64MiB, max_model_len: 512 }}\n\
         applications:\n  - name: echo\n    route_prefix: /echo\n    output: prompt\n    pipeline: [compose]\n    \
         deployments:\n      - name: compose\n        prompt: {{template: echo.j2, as: text}}\n        \
         user_config: {{tone: {tone}}}\n{more}",
        model_path()
    )
}

fn write_prompt(home: &TempDir, text: &str) {
    let text = format!("{text} In a {{{{ user_config.tone }}}} tone: {{{{ question }}}}");
    std::fs::write(home.path().join("prompts/echo.j2"), text).unwrap();
}

#[tokio::test]
async fn a_running_server_is_looked_at_and_changed() {
    let it = Administered::start();
    assert_eq!(it.prompt().await, "Say yes. In a kind tone: Hello");
    let status: Value = serde_saphyr::from_str(&it.said(&["status"])).unwrap();
    let echo = &status["applications"]["echo"];
    assert_eq!(echo["status"], "RUNNING", "{status}");
    assert_eq!(
        echo["deployments"]["compose"]["replica_states"],
        json!({"RUNNING": 1})
    );
    assert_eq!(echo["deployments"]["compose"]["message"], "");
    let proxies = status["proxies"].as_object().unwrap();
    assert!(proxies.values().all(|state| state == "HEALTHY"), "{status}");

    let same = it.write(&config("", "kind"));
    assert_eq!(it.said(&["plan", &same]), "nothing changes\n");
    let more = it.write(&config("        num_replicas: 3\n", "terse"));
    let planned = "update   deployment echo/compose (num_replicas, user_config)\n";
    assert_eq!(it.said(&["plan", &more]), planned);
    assert_eq!(
        it.prompt().await,
        "Say yes. In a kind tone: Hello",
        "a plan is no deed"
    );
    assert_eq!(it.said(&["deploy", &more, "--wait"]), planned);
    assert_eq!(it.prompt().await, "Say yes. In a terse tone: Hello");
    assert_eq!(
        it.said(&["config"]),
        config("        num_replicas: 3\n", "terse")
    );

    write_prompt(&it.home, "Say no.");
    let rolled = it.said(&["deploy", &more, "--wait"]);
    assert_eq!(rolled, "roll     deployment echo/compose (prompt)\n");
    assert_eq!(it.prompt().await, "Say no. In a terse tone: Hello");

    let wrong = it.write(&config("        num_replicas: many\n", "terse"));
    let refused = it.type_in(&["deploy", &wrong]);
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(
        errors.contains("config.yaml:14:23: `applications[0].deployments[0].num_replicas`"),
        "{errors}"
    );

    let unasked = it.type_in(&["shutdown"]);
    assert!(!unasked.status.success(), "nobody is there to say yes");
    it.said(&["shutdown", "--yes"]);
    let status: Value = loop {
        let status: Value = serde_saphyr::from_str(&it.said(&["status"])).unwrap();
        if status["applications"] == json!({}) {
            break status;
        }
    };
    assert_eq!(status["applications"], json!({}));
    assert!(it.server.terminate().success());
}

#[test]
fn a_complete_configuration_is_written_and_runs() {
    let home = TempDir::new().unwrap();
    std::fs::create_dir(home.path().join("prompts")).unwrap();
    write_prompt(&home, "Say yes.");
    let short = write_config(&home, &config("", "kind"));
    let built = penstock(&home).arg("build").arg(&short).output().unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let text = String::from_utf8(built.stdout).unwrap();
    let complete: Value = serde_saphyr::from_str(&text).unwrap();
    let compose = &complete["applications"][0]["deployments"][0];
    assert_eq!(
        (&compose["num_replicas"], &compose["max_queued_requests"]),
        (&json!(1), &json!(256))
    );
    // The administrators' port stands in it; another server of the tests may have it.
    let text = text.replace("port: 8265", "port: 0");
    let server = Server::configured(home, &text);
    assert!(server.terminate().success());

    let home = TempDir::new().unwrap();
    let of_models = penstock(&home).args(["build", MODEL]).output().unwrap();
    let text = String::from_utf8(of_models.stdout).unwrap();
    let complete: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(
        complete["models"],
        json!([{"name": MODEL, "source": MODEL}])
    );
    let schema = penstock(&home).arg("schema").output().unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert_eq!(schema["title"], "A Penstock configuration");
}
