//! What a pipeline itself costs: stages that do nothing, one after the other.
//!
//! ```text
//! cargo bench -p llm-apps --bench pipeline
//! ```
//!
//! The difference between four stages and none is what a request pays for four queues, four choices of a
//! replica and four places that are given back.

use criterion::{Criterion, criterion_group, criterion_main};
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use llm_apps::payload::Payload;
use llm_apps::pipeline::{Member, Pipeline, Step};
use llm_apps::stage::{Call, Stage, StageError};
use tokio::runtime::Runtime;

struct Nothing;

impl Stage for Nothing {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, payload: Payload, _: &Call) -> Result<Payload, StageError> {
        Ok(payload)
    }
}

fn stages(criterion: &mut Criterion) {
    let Ok(runtime) = Runtime::new() else { return };
    let mut group = criterion.benchmark_group("pipeline");
    for count in [0, 1, 4] {
        let started = runtime.block_on(start(count));
        group.bench_function(format!("{count} stages"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let mut payload = Payload::new();
                payload.set("question", "How are you?");
                let call = Call::new("request-1");
                started.1.run(payload, &call).await.is_ok()
            });
        });
    }
    group.finish();
}

/// The deployments, whose replicas run, and the pipeline over them.
async fn start(count: usize) -> (Vec<Deployment<Payload, Payload>>, Pipeline) {
    let deploy = |index: usize| {
        let name = format!("nothing-{index}");
        let blueprint = Blueprint::of(1, || Nothing);
        Deployment::start(name, DeploymentConfig::default(), blueprint, &Host::new(1))
    };
    let deployments: Vec<_> = (0..count).map(deploy).collect();
    let step = |deployment: &Deployment<_, _>| {
        Step::Call(Member {
            handle: deployment.handle(),
            takes_stream: false,
        })
    };
    let pipeline = Pipeline::new(deployments.iter().map(step).collect());
    for deployment in &deployments {
        deployment
            .watch()
            .wait_for(|status| status.running() == 1)
            .await
            .ok();
    }
    (deployments, pipeline)
}

criterion_group!(benches, stages);
criterion_main!(benches);
