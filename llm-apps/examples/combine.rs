//! Deployments that call each other: two adders and a combiner, each with replicas of its own.
//!
//! ```text
//! cargo run -p llm-apps --example combine
//! {"result":101.5}
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use llm_apps::deployment::{
    Blueprint, Deployment, DeploymentConfig, DeploymentHandle, Host, Replicas,
};
use llm_apps::stage::{Call, CallError, Stage, StageError};
use serde_json::json;

struct Adder {
    increment: f64,
}

impl Stage for Adder {
    type Input = f64;
    type Output = f64;

    async fn call(&self, input: f64, _: &Call) -> Result<f64, StageError> {
        Ok(input + self.increment)
    }
}

/// Asks both adders at the same time and takes the mean of what they say.
struct Combiner {
    adders: [DeploymentHandle<f64, f64>; 2],
}

impl Stage for Combiner {
    type Input = f64;
    type Output = f64;

    async fn call(&self, input: f64, call: &Call) -> Result<f64, StageError> {
        let [one, two] = &self.adders;
        let (one, two) = tokio::try_join!(one.call(input, call), two.call(input, call))?;
        Ok(f64::midpoint(one, two))
    }
}

fn start<S: Stage>(
    name: &str,
    make: impl Fn() -> S + Send + Sync + 'static,
) -> Deployment<S::Input, S::Output> {
    let config = DeploymentConfig {
        replicas: Replicas::Fixed(2),
        ..DeploymentConfig::default()
    };
    Deployment::start(name, config, Blueprint::of(1, make), &Host::new(1))
}

#[tokio::main]
async fn main() -> Result<(), CallError> {
    let add_one = start("add-one", || Adder { increment: 1.0 });
    let add_two = start("add-two", || Adder { increment: 2.0 });
    let adders = [add_one.handle(), add_two.handle()];
    let combiner = start("combiner", move || Combiner {
        adders: adders.clone(),
    });
    let call = Call::new("first");
    let mean = combiner.handle().call(100.0, &call).await?;
    println!("{}", json!({ "result": mean }));
    // Callers end before those whom they call.
    combiner.shut_down().await;
    add_one.shut_down().await;
    add_two.shut_down().await;
    Ok(())
}
