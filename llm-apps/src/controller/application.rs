//! An application that runs: its deployments, and the pipeline over them.
//!
//! A request goes through the revision that served when it came, whatever is deployed meanwhile. A new
//! revision serves when all deployments that came with it run; what it has no use for is ended when the
//! last request of the old one is answered (`succession`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::deployments::{Adopted, Deployments, Ended};
use super::status::ApplicationStatus;
use super::succession::{Next, Retired, Succession, Successor};
use super::surroundings::Surroundings;
use crate::deployment::{Deployment, DeploymentCounts};
use crate::payload::{Answer, Payload, VariableError, names};
use crate::pipeline::{Pipeline, PipelineError};
use crate::spec::ApplicationSpec;
use crate::stage::Call;

/// What an application is made of that is put together by code.
#[derive(Debug)]
pub struct ApplicationParts {
    /// The name under which it is served, as a model and in `status`.
    pub name: Arc<str>,
    /// The path below which it is served by itself; `None` serves it as a model only.
    pub route_prefix: Option<Arc<str>>,
    /// The variable that is its answer.
    pub output: Arc<str>,
    /// The way of its requests.
    pub pipeline: Pipeline,
    /// Its deployments by name, those that are called behind those that call them.
    pub deployments: Vec<(Arc<str>, Deployment<Payload, Payload>)>,
    /// When it was deployed, in seconds since 1970.
    pub deployed: f64,
}

/// See the module.
#[derive(Debug)]
pub struct Application {
    name: Arc<str>,
    revision: RwLock<Arc<Revision>>,
    changing: Mutex<Changing>,
    deleting: AtomicBool,
}

/// What changes from one configuration to the next.
#[derive(Debug)]
struct Changing {
    deployments: Deployments,
    /// The revision that is to serve, where it cannot yet.
    successor: Option<Successor>,
}

/// One configuration of an application, as requests meet it.
#[derive(Debug)]
pub(super) struct Revision {
    route_prefix: Option<Arc<str>>,
    output: Arc<str>,
    pipeline: Pipeline,
    deployed: f64,
    /// The requests that go through it.
    requests: TaskTracker,
}

impl Application {
    /// Puts an application together.
    pub fn new(parts: ApplicationParts) -> Self {
        let revision = Revision {
            route_prefix: parts.route_prefix,
            output: parts.output,
            pipeline: parts.pipeline,
            deployed: parts.deployed,
            requests: TaskTracker::new(),
        };
        Self {
            name: parts.name,
            revision: RwLock::new(Arc::new(revision)),
            changing: Changing::of(Deployments::of(parts.deployments)),
            deleting: AtomicBool::new(false),
        }
    }

    /// Starts what a configuration says. The replicas come by and by; requests wait for them.
    pub fn start(spec: &ApplicationSpec, around: &Surroundings) -> Self {
        let mut deployments = Deployments::default();
        let Adopted { pipeline, .. } = deployments.adopt(spec, around);
        deployments.settle();
        Self {
            name: spec.name.as_str().into(),
            revision: RwLock::new(Arc::new(Revision::of(spec, pipeline, around.now))),
            changing: Changing::of(deployments),
            deleting: AtomicBool::new(false),
        }
    }

    /// Brings it to another configuration of the same name. Requests that come go the new way as soon as
    /// all that it needs runs; replicas of a stage that changed are replaced, a few at a time, and nothing
    /// is dropped.
    pub(super) fn update(&self, spec: &ApplicationSpec, around: &Surroundings) -> Succession {
        let mut changing = self.changing.lock();
        let adopted = changing.deployments.adopt(spec, around);
        let revision = Arc::new(Revision::of(spec, adopted.pipeline, around.now));
        let mut gone = adopted.gone;
        if let Some(before) = changing.successor.take() {
            before.given_up.cancel();
            gone.extend(before.gone);
        }
        let next = if adopted.awaited.is_empty() {
            Next::Serves(self.serve(&mut changing, revision, gone))
        } else {
            let given_up = CancellationToken::new();
            changing.successor = Some(Successor {
                revision,
                gone,
                given_up: given_up.clone(),
            });
            Next::Awaits {
                deployments: adopted.awaited,
                given_up,
            }
        };
        Succession {
            governor: adopted.governor,
            next,
        }
    }

    /// Has the successor serve, if it is the one that `given_up` belongs to.
    pub(super) fn succeed(&self, given_up: &CancellationToken) -> Option<Retired> {
        let mut changing = self.changing.lock();
        if given_up.is_cancelled() {
            return None;
        }
        let successor = changing.successor.take()?;
        Some(self.serve(&mut changing, successor.revision, successor.gone))
    }

    fn serve(&self, changing: &mut Changing, revision: Arc<Revision>, gone: Ended) -> Retired {
        changing.deployments.settle();
        let before = std::mem::replace(&mut *self.revision.write(), revision);
        Retired {
            requests: before.requests.clone(),
            deployments: gone,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path below which it is served by itself.
    pub fn route_prefix(&self) -> Option<Arc<str>> {
        self.revision.read().route_prefix.clone()
    }

    /// The variable that is its answer.
    pub fn output(&self) -> Arc<str> {
        Arc::clone(&self.revision.read().output)
    }

    /// When it was deployed last, in seconds since 1970.
    pub fn deployed(&self) -> f64 {
        self.revision.read().deployed
    }

    /// The same in whole seconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time after 1970 has a sign and a size that fit"
    )]
    pub fn created(&self) -> u64 {
        self.deployed() as u64
    }

    /// Sends a payload through the pipeline. See [`Pipeline::run`].
    ///
    /// # Errors
    /// [`PipelineError`] of the first step that fails.
    pub async fn answer(&self, payload: Payload, call: &Call) -> Result<Payload, PipelineError> {
        let revision = Arc::clone(&self.revision.read());
        revision.answer(payload, call).await
    }

    /// The application's answer to a payload as a text that is read piece by piece, and the passages that
    /// it was made from (null where nothing is looked up). An answer that is no text is written as JSON.
    ///
    /// # Errors
    /// [`PipelineError`] of the first step that fails before the answer begins.
    pub async fn text(
        &self,
        payload: Payload,
        call: &Call,
    ) -> Result<(Answer, Value), PipelineError> {
        let revision = Arc::clone(&self.revision.read());
        let mut payload = revision.answer(payload, call).await?;
        let sources = payload.get(names::PASSAGES).cloned().unwrap_or_default();
        let output = &*revision.output;
        let answer = match payload.take_answer() {
            Some(answer) if output == names::ANSWER => answer,
            _ => match payload.get(output) {
                Some(Value::String(text)) => Answer::of(text.clone()),
                Some(value) => Answer::of(value.to_string()),
                None => {
                    let missing = VariableError::Missing(output.to_owned());
                    return Err(PipelineError::Answer(missing.into()));
                }
            },
        };
        Ok((answer, sources))
    }

    /// How it stands.
    pub fn status(&self) -> ApplicationStatus {
        let changing = self.changing.lock();
        let deployments = changing.deployments.status();
        let coming = changing
            .successor
            .as_ref()
            .map(|next| next.revision.deployed);
        drop(changing);
        let deployed = coming.unwrap_or_else(|| self.deployed());
        let deleting = self.deleting.load(Ordering::Relaxed);
        ApplicationStatus::of(deployments, deployed, deleting)
    }

    /// What was counted of each deployment since it began.
    pub fn counts(&self) -> BTreeMap<String, DeploymentCounts> {
        self.changing.lock().deployments.counts()
    }

    /// Shows as one that is going away; a revision that does not serve yet never will.
    pub(super) fn mark_deleting(&self) {
        self.deleting.store(true, Ordering::Relaxed);
        if let Some(successor) = &self.changing.lock().successor {
            successor.given_up.cancel();
        }
    }

    /// Ends the deployments, callers before those whom they call, so that nothing is dropped that has
    /// begun.
    pub async fn shut_down(self) {
        let Changing {
            deployments,
            successor,
        } = self.changing.into_inner();
        let (governor, mut ended) = deployments.into_ended();
        ended.extend(successor.into_iter().flat_map(|successor| successor.gone));
        if let Some(governor) = governor {
            governor.shut_down().await;
        }
        Retired {
            requests: self.revision.into_inner().requests.clone(),
            deployments: ended,
        }
        .end()
        .await;
    }
}

impl Changing {
    fn of(deployments: Deployments) -> Mutex<Self> {
        Mutex::new(Self {
            deployments,
            successor: None,
        })
    }
}

impl Revision {
    fn of(spec: &ApplicationSpec, pipeline: Pipeline, now: f64) -> Self {
        Self {
            route_prefix: spec.route_prefix.as_deref().map(Into::into),
            output: spec.output.as_str().into(),
            pipeline,
            deployed: now,
            requests: TaskTracker::new(),
        }
    }

    /// The request counts until its answer has been read.
    async fn answer(&self, payload: Payload, call: &Call) -> Result<Payload, PipelineError> {
        let counted = self.requests.token();
        let mut payload = self.pipeline.run(payload, call).await?;
        if let Some(answer) = payload.take_answer() {
            payload.set_answer(answer.holding(counted));
        }
        Ok(payload)
    }
}
