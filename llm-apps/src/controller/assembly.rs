//! From what the configuration says of an application to what its deployments run.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::deployments::Deployed;
use super::small_models::{classify, embed, rerank, translate};
use super::surroundings::Surroundings;
use super::user_config::Configured;
use crate::deployment::Blueprint;
use crate::deployment::router::{PrefixAwareConfig, RouterConfig};
use crate::payload::Payload;
use crate::pipeline::{Member, Pipeline, PipelineError, Step};
use crate::spec::{ApplicationSpec, DeploymentSpec, StageSpec, StepKind, StepSpec};
use crate::stage::generate::GenerateStage;
use crate::stage::http::HttpStage;
use crate::stage::lookup::LookupStage;
use crate::stage::process::ProcessStage;
use crate::stage::prompt::{PromptStage, TokenCounter};
use crate::stage::upstream::UpstreamStage;
use crate::stage::validate::{Judge, ValidateStage};
use crate::stage::{Call, Prefix, StageError};

/// The pipeline of an application over its deployments.
pub(super) fn assembled(
    spec: &ApplicationSpec,
    running: &BTreeMap<Arc<str>, Deployed>,
) -> Pipeline {
    Pipeline::new(steps(&spec.pipeline, spec, running))
}

/// The names of what a deployment's stage is made of, beside its options.
pub(super) fn resources(application: &ApplicationSpec, spec: &DeploymentSpec) -> Vec<String> {
    let mut named: Vec<_> = spec.stage.models().map(str::to_owned).collect();
    if let StageSpec::Prompt(options) = &spec.stage
        && options.budget.is_some()
    {
        named.extend(generating(application).map(str::to_owned));
    }
    named.extend(spec.stage.generates_with().map(upstream_resource));
    named.extend(spec.stage.encoder().map(encoder_resource));
    named.extend(spec.stage.classifier().map(classifier_resource));
    named.extend(spec.stage.translator().map(translator_resource));
    named.extend(spec.stage.collection().map(collection_resource));
    named
}

/// How plans name an encoder, beside models of its name.
pub(super) fn encoder_resource(name: &str) -> String {
    format!("encoders.{name}")
}

/// How plans name a classifier.
pub(super) fn classifier_resource(name: &str) -> String {
    format!("classifiers.{name}")
}

/// How plans name a translator.
pub(super) fn translator_resource(name: &str) -> String {
    format!("translators.{name}")
}

/// What stands before the name of a model of another service in plans.
pub(super) const UPSTREAMS: &str = "upstreams.";

/// How plans name a model of another service.
pub(super) fn upstream_resource(name: &str) -> String {
    format!("{UPSTREAMS}{name}")
}

/// How plans name a collection.
pub(super) fn collection_resource(name: &str) -> String {
    format!("collections.{name}")
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

fn member(spec: &DeploymentSpec, running: &Deployed) -> Step {
    Step::Call(Member {
        handle: running.deployment.handle(),
        takes_stream: spec.stage.takes_stream(),
    })
}

fn steps(
    specs: &[StepSpec],
    application: &ApplicationSpec,
    running: &BTreeMap<Arc<str>, Deployed>,
) -> Vec<Step> {
    let within = |inner: &[StepSpec]| steps(inner, application, running);
    let step = |spec: &StepSpec| {
        Some(match &spec.kind {
            StepKind::Call(index) => {
                let deployment = application.deployments.get(*index)?;
                member(deployment, running.get(deployment.name.as_str())?)
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

/// Makes the replicas of a deployment. Those that it asks to judge are among `running`.
///
/// Replicas of `generate` share the engine of their model, whose own batch is what makes them fast; how
/// many there are bounds how many requests of this application it is at.
pub(super) fn blueprint(
    application: &ApplicationSpec,
    spec: &DeploymentSpec,
    around: &Surroundings,
    running: &BTreeMap<Arc<str>, Deployed>,
    version: u64,
) -> Blueprint<Payload, Payload> {
    let judges = spec.stage.judges().iter();
    let judges = judges.filter_map(|name| {
        let judge = running.get(name.as_str())?;
        Some(member(deployment_of(application, name)?, judge))
    });
    let judge: Arc<dyn Judge> = Arc::new(Steps(Pipeline::new(judges.collect())));
    let unknown = |model: &str| StageError::failed(format!("no model is called `{model}`"));
    let blueprint = match spec.stage.clone() {
        StageSpec::Embed(options) => embed(options, around, version),
        StageSpec::Rerank(options) => rerank(options, around, version),
        StageSpec::Classify(options) => classify(*options, around, version),
        StageSpec::Translate(options) => translate(options, around, version),
        StageSpec::Lookup(options) => {
            let found = around.collection(&options.collection);
            Blueprint::new(version, move || {
                let made = found
                    .clone()
                    .map(|(index, encoder)| LookupStage::new((*options).clone(), index, encoder));
                std::future::ready(made.map_err(StageError::failed))
            })
        }
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
            if let Some(upstream) = around.upstreams.get(&options.model).cloned() {
                let blueprint = Blueprint::new(version, move || {
                    let stage = UpstreamStage::new((*options).clone(), upstream.clone());
                    std::future::ready(Ok(stage))
                });
                return finished(blueprint, &spec.config.router);
            }
            let found = around.model(&options.model).cloned();
            Blueprint::new(version, move || {
                let made = match &found {
                    Some((model, defaults)) => {
                        GenerateStage::new((*options).clone(), model.clone(), defaults.clone())
                    }
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
            Blueprint::new(version, move || ProcessStage::start(options.clone()))
        }
    };
    finished(blueprint, &spec.config.router)
}

/// What all stages of the YAML have: a `user_config`, and what their router goes by.
fn finished(
    blueprint: Blueprint<Payload, Payload>,
    router: &RouterConfig,
) -> Blueprint<Payload, Payload> {
    routed(blueprint.wrapped(Configured::over), router)
}

/// Has a router that goes by the beginning of a text read it from its variable.
fn routed(
    blueprint: Blueprint<Payload, Payload>,
    router: &RouterConfig,
) -> Blueprint<Payload, Payload> {
    let RouterConfig::PrefixAware(PrefixAwareConfig {
        variable: Some(variable),
        ..
    }) = router
    else {
        return blueprint;
    };
    let variable = variable.clone();
    blueprint.with_prefix(move |payload| Prefix::of_value(payload.get(&variable)?))
}

/// The model with which an application generates first.
fn generating(application: &ApplicationSpec) -> Option<&str> {
    let deployments = application.deployments.iter();
    deployments.filter_map(|d| d.stage.generates_with()).next()
}
