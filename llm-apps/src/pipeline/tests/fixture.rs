//! Deployments of small functions.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use crate::payload::Payload;
use crate::pipeline::{Member, Step};
use crate::stage::{Call, Stage, StageError};

type Work = dyn Fn(Payload) -> BoxFuture<'static, Result<Payload, StageError>> + Send + Sync;

struct Function(Arc<Work>);

impl Stage for Function {
    type Input = Payload;
    type Output = Payload;
    async fn call(&self, input: Payload, _: &Call) -> Result<Payload, StageError> {
        (self.0)(input).await
    }
}

pub(super) struct Deployed(Deployment<Payload, Payload>);

/// A deployment of one replica with one place.
pub(super) fn deploy<F>(name: &str, work: impl Fn(Payload) -> F + Send + Sync + 'static) -> Deployed
where
    F: Future<Output = Result<Payload, StageError>> + Send + 'static,
{
    let work: Arc<Work> = Arc::new(move |payload| Box::pin(work(payload)));
    let config = DeploymentConfig {
        max_ongoing_requests: 1,
        graceful_shutdown_timeout: Duration::from_secs(1),
        ..DeploymentConfig::default()
    };
    let blueprint = Blueprint::of(1, move || Function(Arc::clone(&work)));
    Deployed(Deployment::start(name, config, blueprint, &Host::new(1)))
}

impl Deployed {
    pub(super) fn step(&self) -> Step {
        Step::Call(Member {
            handle: self.0.handle(),
            takes_stream: false,
        })
    }

    pub(super) fn streaming_step(&self) -> Step {
        Step::Call(Member {
            handle: self.0.handle(),
            takes_stream: true,
        })
    }

    pub(super) async fn idle(&self) {
        let mut watched = self.0.watch();
        let idle = watched.wait_for(|status| status.ongoing_requests == 0 && status.running() == 1);
        let idle = tokio::time::timeout(Duration::from_secs(60), idle);
        drop(idle.await.expect("it becomes idle").expect("it lives"));
    }
}
