//! From what the configuration says of an application to one that runs.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::application::{Application, ApplicationParts};
use crate::deployment::router::PowerOfTwoChoices;
use crate::deployment::{Blueprint, Deployment};
use crate::payload::Payload;
use crate::pipeline::{Member, Pipeline, PipelineError, Step};
use crate::spec::{ApplicationSpec, DeploymentSpec, StageSpec, StepKind, StepSpec};
use crate::stage::generate::{GenerateDefaults, GenerateStage, TextModel};
use crate::stage::http::HttpStage;
use crate::stage::process::ProcessStage;
use crate::stage::prompt::{PromptStage, TokenCounter};
use crate::stage::validate::{Judge, ValidateStage};
use crate::stage::{Call, StageError};

/// What the stages of applications are made of beside their options.
#[derive(Debug)]
pub struct Surroundings {
    /// The models that are served, and what they give to requests that are silent.
    pub models: Vec<(TextModel, GenerateDefaults)>,
    /// What routers draw from.
    pub seed: u64,
    /// Seconds since 1970, for `status`.
    pub now: f64,
}

/// Starts the deployments of an application. Its replicas come by and by; requests wait for them.
///
/// Replicas of `generate` share the engine of their model, whose own batch is what makes them fast; how
/// many there are bounds how many requests of this application it is at.
pub fn assemble(spec: &ApplicationSpec, around: &Surroundings) -> Application {
    let mut started: BTreeMap<&str, Deployment<Payload, Payload>> = BTreeMap::new();
    // Those that call others come when these are there.
    let (callers, others): (Vec<_>, Vec<_>) = spec
        .deployments
        .iter()
        .partition(|deployment| !deployment.stage.judges().is_empty());
    for deployment in others.into_iter().chain(callers) {
        let called = deployment.stage.judges().iter();
        let steps = called.filter_map(|name| {
            let member = |d: &Deployment<_, _>| member(deployment_of(spec, name)?, d).into();
            started.get(name.as_str()).and_then(member)
        });
        let judge: Arc<dyn Judge> = Arc::new(Steps(Pipeline::new(steps.collect())));
        let blueprint = blueprint(spec, deployment, around, judge);
        let router = Box::new(PowerOfTwoChoices::new(around.seed ^ blueprint.version()));
        let config = deployment.config.clone();
        let running = Deployment::start(deployment.name.as_str(), config, blueprint, router);
        started.insert(&deployment.name, running);
    }
    let steps = steps(&spec.pipeline, spec, &started);
    let callers_first = |(name, _): &(Arc<str>, Deployment<_, _>)| {
        let found = deployment_of(spec, name);
        found.is_none_or(|deployment| deployment.stage.judges().is_empty())
    };
    let mut deployments: Vec<_> = started
        .into_iter()
        .map(|(name, deployment)| (Arc::from(name), deployment))
        .collect();
    deployments.sort_by_key(callers_first);
    Application::new(ApplicationParts {
        name: spec.name.as_str().into(),
        route_prefix: spec.route_prefix.as_deref().map(Into::into),
        output: spec.output.as_str().into(),
        pipeline: Pipeline::new(steps),
        deployments,
        deployed: around.now,
    })
}

/// The judge of a validation: deployments, one after the other.
struct Steps(Pipeline);

impl Judge for Steps {
    fn ask<'a>(
        &'a self,
        payload: Payload,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Payload, StageError>> {
        let asked = self.0.run(payload, call);
        asked.map(|answer| answer.map_err(of_pipeline)).boxed()
    }
}

fn of_pipeline(error: PipelineError) -> StageError {
    match error {
        PipelineError::Call(error) => error.into(),
        PipelineError::Answer(error) => error,
        PipelineError::Condition(error) => StageError::failed(error.to_string()),
    }
}

fn deployment_of<'s>(spec: &'s ApplicationSpec, name: &str) -> Option<&'s DeploymentSpec> {
    spec.deployments
        .iter()
        .find(|deployment| deployment.name == name)
}

fn member(spec: &DeploymentSpec, deployment: &Deployment<Payload, Payload>) -> Step {
    Step::Call(Member {
        handle: deployment.handle(),
        takes_stream: spec.stage.takes_stream(),
    })
}

fn steps(
    specs: &[StepSpec],
    application: &ApplicationSpec,
    started: &BTreeMap<&str, Deployment<Payload, Payload>>,
) -> Vec<Step> {
    let within = |inner: &[StepSpec]| steps(inner, application, started);
    let step = |spec: &StepSpec| {
        Some(match &spec.kind {
            StepKind::Call(index) => {
                let deployment = application.deployments.get(*index)?;
                member(deployment, started.get(deployment.name.as_str())?)
            }
            StepKind::Branch {
                when,
                then,
                otherwise,
            } => Step::Branch {
                when: when.clone(),
                then: within(then),
                otherwise: within(otherwise),
            },
            StepKind::Parallel(ways) => {
                Step::Parallel(ways.iter().map(|way| within(way)).collect())
            }
            StepKind::Loop {
                steps: inner,
                until,
                max_attempts,
            } => Step::Loop {
                steps: within(inner),
                until: until.clone(),
                max_attempts: *max_attempts,
                writes: application.writes(inner).into_iter().collect(),
            },
        })
    };
    specs.iter().filter_map(step).collect()
}

/// Makes the replicas of a deployment. Its version is what its stage says, so that a change of that,
/// and nothing else, replaces them.
fn blueprint(
    application: &ApplicationSpec,
    spec: &DeploymentSpec,
    around: &Surroundings,
    judge: Arc<dyn Judge>,
) -> Blueprint<Payload, Payload> {
    let mut hasher = DefaultHasher::new();
    format!("{:?}", spec.stage).hash(&mut hasher);
    let version = hasher.finish();
    let unknown = |model: &str| StageError::failed(format!("no model is called `{model}`"));
    match spec.stage.clone() {
        StageSpec::Prompt(options) => {
            let counting = options.budget.as_ref().map(|budget| {
                let named = budget.tokenizer.as_deref();
                named
                    .or_else(|| generating(application))
                    .unwrap_or_default()
            });
            let counter = counting
                .and_then(|name| around.model(name))
                .map(|(model, _)| {
                    let counter: Arc<dyn TokenCounter> = Arc::new(model.clone());
                    counter
                });
            Blueprint::new(version, move || {
                std::future::ready(PromptStage::new(options.clone(), counter.clone()))
            })
        }
        StageSpec::Generate(options) => {
            let found = around.model(&options.model).cloned();
            Blueprint::new(version, move || {
                let made = match &found {
                    Some((model, defaults)) => Ok(GenerateStage::new(
                        (*options).clone(),
                        model.clone(),
                        defaults.clone(),
                    )),
                    None => Err(unknown(&options.model)),
                };
                std::future::ready(made)
            })
        }
        StageSpec::Validate(options) => Blueprint::new(version, move || {
            let judge = options.judge.is_some().then(|| Arc::clone(&judge));
            std::future::ready(ValidateStage::new((*options).clone(), judge))
        }),
        StageSpec::Http(options) => Blueprint::new(version, move || {
            std::future::ready(HttpStage::new((*options).clone()))
        }),
        StageSpec::Process(options) => {
            Blueprint::of(version, move || ProcessStage::new(options.clone()))
        }
    }
}

/// The model with which an application generates first.
fn generating(application: &ApplicationSpec) -> Option<&str> {
    let mut models = application
        .deployments
        .iter()
        .filter_map(|d| match &d.stage {
            StageSpec::Generate(options) => Some(options.model.as_str()),
            StageSpec::Prompt(_)
            | StageSpec::Validate(_)
            | StageSpec::Http(_)
            | StageSpec::Process(_) => None,
        });
    models.next()
}

impl Surroundings {
    fn model(&self, name: &str) -> Option<&(TextModel, GenerateDefaults)> {
        self.models.iter().find(|(model, _)| {
            let info = model.info();
            info.id == name || info.aliases.iter().any(|alias| alias == name)
        })
    }
}
