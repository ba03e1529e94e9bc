//! The smallest application: one deployment of one stage, called as a function is.
//!
//! ```text
//! cargo run -p llm-apps --example hello_world
//! {"result":"Hello Theodore!"}
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use llm_apps::stage::{Call, CallError, Stage, StageError};
use serde_json::{Value, json};

struct Hello;

impl Stage for Hello {
    type Input = String;
    type Output = Value;

    async fn call(&self, name: String, _: &Call) -> Result<Value, StageError> {
        Ok(json!({ "result": format!("Hello {name}!") }))
    }
}

#[tokio::main]
async fn main() -> Result<(), CallError> {
    let hello = Deployment::start(
        "hello",
        DeploymentConfig::default(),
        Blueprint::of(1, || Hello),
        &Host::new(1),
    );
    let call = Call::new("first");
    println!(
        "{}",
        hello.handle().call("Theodore".to_owned(), &call).await?
    );
    hello.shut_down().await;
    Ok(())
}
