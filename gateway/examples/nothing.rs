//! A server of two applications that do nothing: `/bare` with no stage, `/nothing` with four. What lies
//! between their answers' times is what a pipeline costs; `loadtest/pipeline_overhead/measure.py` measures
//! it beside the same chain in Ray Serve.
//!
//! ```text
//! cargo run --release -p gateway --example nothing -- 127.0.0.1:8001
//! ```

use std::io;
use std::sync::Arc;

use gateway::{Edge, Gateway, GatewayConfig, Telemetry, serve};
use llm_apps::controller::{Application, ApplicationParts};
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use llm_apps::payload::Payload;
use llm_apps::pipeline::{Member, Pipeline, Step};
use llm_apps::stage::{Call, Stage, StageError};
use tokio::net::TcpListener;

struct Nothing;

impl Stage for Nothing {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, payload: Payload, _: &Call) -> Result<Payload, StageError> {
        Ok(payload)
    }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:8001".to_owned());
    let applications = [application("bare", 0), application("nothing", 4)];
    let state = Gateway::new(GatewayConfig::default(), Edge::system(), Telemetry::new());
    let models: [gateway::ModelEntry; 0] = [];
    state
        .serve(models, applications)
        .map_err(io::Error::other)?;
    let listener = TcpListener::bind(address).await?;
    // Its supervisor ends it.
    serve(listener, Arc::new(state), std::future::pending()).await;
    Ok(())
}

/// An application that answers what it was asked.
fn application(name: &str, stages: usize) -> Arc<Application> {
    let deploy = |index: usize| {
        let name: Arc<str> = format!("nothing-{index}").into();
        let config = DeploymentConfig {
            max_ongoing_requests: 100,
            ..DeploymentConfig::default()
        };
        let blueprint = Blueprint::of(1, || Nothing);
        let deployment = Deployment::start(Arc::clone(&name), config, blueprint, &Host::new(1));
        (name, deployment)
    };
    let deployments: Vec<_> = (0..stages).map(deploy).collect();
    let step = |deployment: &Deployment<Payload, Payload>| {
        Step::Call(Member {
            handle: deployment.handle(),
            takes_stream: false,
        })
    };
    let steps = deployments.iter().map(|(_, deployment)| step(deployment));
    Arc::new(Application::new(ApplicationParts {
        name: name.into(),
        route_prefix: Some(format!("/{name}").into()),
        output: "question".into(),
        pipeline: Pipeline::new(steps.collect()),
        deployments,
        deployed: 0.0,
    }))
}
