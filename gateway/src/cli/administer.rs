//! `penstock deploy`, `plan`, `status`, `config` and `shutdown`: a running server's administrators' API.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::arguments;
use super::source;
use super::terminal::Terminal;
use crate::env::Environment;

/// Time between two looks at how far a deployment is.
const LOOK: Duration = Duration::from_millis(200);

/// Sends a configuration to a running server and says what changes.
pub(super) async fn deploy(
    arguments: arguments::Deploy,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let server = Server::new(&arguments.server, environment);
    let plan = server.send(&arguments.config, false).await?;
    terminal.print(&plan_text(&plan))?;
    if !arguments.wait {
        return Ok(());
    }
    loop {
        let details = server.details().await?;
        let applications = details["applications"].as_object();
        let states = applications.into_iter().flatten();
        let mut going = false;
        for (name, application) in states {
            match application["status"].as_str().unwrap_or_default() {
                "DEPLOY_FAILED" => bail!(
                    "`{name}` was not deployed: {}",
                    application["message"].as_str().unwrap_or_default()
                ),
                "DEPLOYING" | "NOT_STARTED" | "DELETING" => going = true,
                _ => {}
            }
        }
        if !going {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

/// Says what deploying a configuration would change.
pub(super) async fn plan(
    arguments: arguments::Plan,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let server = Server::new(&arguments.server, environment);
    let plan = server.send(&arguments.config, true).await?;
    terminal.print(&plan_text(&plan))?;
    Ok(())
}

/// Shows how the applications stand, as Ray Serve's `serve status` does.
pub(super) async fn status(
    arguments: arguments::Status,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let details = Server::new(&arguments.server, environment)
        .details()
        .await?;
    let shown = match &arguments.name {
        None => status_of(&details),
        Some(name) => {
            let application = details["applications"].get(name);
            let application = application.with_context(|| format!("no application `{name}`"))?;
            status_of_application(application)
        }
    };
    terminal.print(&serde_saphyr::to_string(&shown)?)?;
    Ok(())
}

/// Shows the configuration that is served, as it was written.
pub(super) async fn config(
    arguments: arguments::Config,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let server = Server::new(&arguments.server, environment);
    let text = server.ask(Method::GET, "/api/serve/config", |r| r).await?;
    terminal.print(&text)?;
    Ok(())
}

/// Gives up all applications of a server.
pub(super) async fn shutdown(
    arguments: arguments::Shutdown,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    if !arguments.yes {
        if !terminal.in_is_tty {
            bail!("this ends all applications of the server; say so with --yes");
        }
        write!(
            terminal.err,
            "End all applications of {}? [y/N] ",
            arguments.server.url
        )?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "yes") {
            return Ok(());
        }
    }
    let server = Server::new(&arguments.server, environment);
    server.ask(Method::DELETE, APPLICATIONS, |r| r).await?;
    Ok(())
}

const APPLICATIONS: &str = "/api/serve/applications/";

/// A server as its administrators see it.
struct Server {
    url: String,
    key: Option<String>,
    client: reqwest::Client,
}

impl Server {
    fn new(server: &arguments::Server, environment: &Environment) -> Self {
        Self {
            url: server.url.trim_end_matches('/').to_owned(),
            key: environment.admin_key().map(str::to_owned),
            client: reqwest::Client::new(),
        }
    }

    /// The text of an answer; an error says what the server says.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        more: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<String> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = more(request).send().await.map_err(|error| {
            let url = &self.url;
            anyhow::Error::new(error).context(format!(
                "no server answers at {url}; start one with `penstock run`, or name another with --url"
            ))
        })?;
        let status = response.status();
        let text = response.text().await?;
        if status.is_success() {
            return Ok(text);
        }
        let told = serde_json::from_str::<Value>(&text).unwrap_or_default();
        Err(match told["error"]["message"].as_str() {
            Some(message) => anyhow!("{message}"),
            None => anyhow!("the server answers {status}: {text}"),
        })
    }

    async fn send(&self, config: &Path, plan: bool) -> Result<Value> {
        let source = source::read(config)?;
        let query = [
            ("file", source.file.as_str()),
            (
                "folder",
                source.folder.to_str().context("the path is not UTF-8")?,
            ),
            ("plan", if plan { "true" } else { "false" }),
        ];
        let text = source.text.clone();
        let sent = self.ask(Method::PUT, APPLICATIONS, |r| r.query(&query).body(text));
        Ok(serde_json::from_str(&sent.await?)?)
    }

    async fn details(&self) -> Result<Value> {
        let text = self.ask(Method::GET, APPLICATIONS, |r| r).await?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// One line for each thing that does not stay as it is.
fn plan_text(plan: &Value) -> String {
    let mut lines = Vec::new();
    let mut line = |what: &str, name: &str, planned: &Value| {
        let action = planned["action"].as_str().unwrap_or_default();
        if action == "keep" {
            return;
        }
        let because: Vec<_> = planned["because"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let because = match because.as_slice() {
            [] => String::new(),
            because => format!(" ({})", because.join(", ")),
        };
        lines.push(format!("{action:<8} {what} {name}{because}\n"));
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let named = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    for resource in list(&plan["resources"]) {
        line("model", &named(&resource), &resource);
    }
    for application in list(&plan["applications"]) {
        let name = named(&application);
        line("application", &name, &application);
        for deployment in list(&application["deployments"]) {
            let of = format!("{name}/{}", named(&deployment));
            line("deployment", &of, &deployment);
        }
    }
    if lines.is_empty() {
        lines.push("nothing changes\n".to_owned());
    }
    if let Some(reserves) = plan["reserves"].as_str() {
        lines.push(format!("its replicas reserve {reserves} at the most\n"));
    }
    lines.concat()
}

/// Ray Serve's shape (`ServeStatusSchema`).
fn status_of(details: &Value) -> Value {
    let applications = details["applications"].as_object().into_iter().flatten();
    let applications: Map<_, _> = applications
        .map(|(name, application)| (name.clone(), status_of_application(application)))
        .collect();
    let mut status = json!({
        "proxies": details["proxies"],
        "applications": applications,
        "target_capacity": details["target_capacity"],
    });
    // Beside Ray Serve's keys, where models are computed in processes of their own.
    if let Some(replicas) = details.get("replicas") {
        status["replicas"] = replicas.clone();
    }
    status
}

fn status_of_application(application: &Value) -> Value {
    let deployments = application["deployments"].as_object().into_iter().flatten();
    let deployment = |(name, told): (&String, &Value)| {
        let mut shown = Map::new();
        let keys = ["status", "status_trigger", "replica_states", "message"];
        for key in keys.into_iter().chain(["decisions"]) {
            if let Some(value) = told.get(key) {
                shown.insert(key.to_owned(), value.clone());
            }
        }
        (name.clone(), Value::Object(shown))
    };
    json!({
        "status": application["status"],
        "message": application["message"],
        "last_deployed_time_s": application["last_deployed_time_s"],
        "deployments": deployments.map(deployment).collect::<Map<_, _>>(),
    })
}
