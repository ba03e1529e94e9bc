//! What a new configuration changes, before anything is touched: a pure function of two configurations.

use std::collections::BTreeSet;

use serde::Serialize;

use super::assembly::{
    UPSTREAMS, classifier_resource, collection_resource, encoder_resource, resources,
    translator_resource, upstream_resource,
};
use crate::deployment::autoscaling::{MOST_REPLICAS, TargetCapacity};
use crate::deployment::machine::Resources;
use crate::deployment::{DeploymentConfig, Replicas};
use crate::spec::{
    ApplicationSpec, ClassifierSpec, DeploymentSpec, EncoderSpec, ServeConfig, StoreSpec,
    TranslatorSpec, UpstreamSpec,
};

/// What is done to one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing.
    Keep,
    /// It is new.
    Start,
    /// It changes in place; no replica is replaced.
    Update,
    /// Its replicas are replaced, a few at a time.
    Roll,
    /// Another one comes in its place, since it reads or writes other variables than before, or calls one
    /// that does. The old one serves until the new one runs, and goes when its last request is answered.
    Replace,
    /// It goes when its last request is answered.
    Stop,
}

/// What is done to one thing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Which keys of the configuration are the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}

/// What is done to one application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedApplication {
    /// The application.
    #[serde(flatten)]
    pub application: Planned,
    /// Its deployments, and those that it has no more.
    pub deployments: Vec<Planned>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What is opened for stages and clients to use: models and their like. `roll` opens one anew beside
    /// the old one, and replaces the replicas that use it.
    pub resources: Vec<Planned>,
    /// The applications.
    pub applications: Vec<PlannedApplication>,
    /// What the replicas of all applications reserve when each deployment has the most that it may have,
    /// as `0.5 CPUs and 1 GPUs`; nothing where they reserve nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserves: Option<String>,
}

impl Plan {
    /// The way from `old` to `new`; from nothing where nothing runs.
    pub fn between(old: Option<&ServeConfig>, new: &ServeConfig) -> Self {
        let resources = changed_resources(old, new);
        let renewed = renewed(&resources);
        let before = |name: &str| {
            let known = old.into_iter().flat_map(|old| &old.applications);
            known.into_iter().find(|known| known.name == name)
        };
        let mut applications: Vec<_> = new
            .applications
            .iter()
            .map(|spec| application(before(&spec.name), spec, &renewed))
            .collect();
        let gone = old.into_iter().flat_map(|old| &old.applications);
        let gone = gone.filter(|known| new.applications.iter().all(|a| a.name != known.name));
        applications.extend(gone.map(|known| PlannedApplication {
            application: planned(&known.name, Action::Stop, []),
            deployments: known.deployments.iter().map(stopped).collect(),
        }));
        Self {
            resources,
            applications,
            reserves: reserves(new),
        }
    }

    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        let applications = self.applications.iter();
        let deployments =
            applications.flat_map(|a| std::iter::once(&a.application).chain(&a.deployments));
        let mut all = self.resources.iter().chain(deployments);
        all.all(|planned| planned.action == Action::Keep)
    }

    /// The names of what is opened anew under a name that it had before.
    pub fn renewed(&self) -> BTreeSet<String> {
        renewed(&self.resources)
    }

    /// The applications that do not stay as they are, and are not given up.
    pub fn changed_applications(&self) -> impl Iterator<Item = &str> {
        let touched = |planned: &&PlannedApplication| {
            let deployments = planned.deployments.iter();
            let mut all = deployments.chain([&planned.application]);
            planned.application.action != Action::Stop && all.any(|p| p.action != Action::Keep)
        };
        let changed = self.applications.iter().filter(touched);
        changed.map(|planned| planned.application.name.as_str())
    }
}

/// What all replicas reserve together, at the most.
fn reserves(config: &ServeConfig) -> Option<String> {
    let mut sum = Resources::default();
    let applications = config.applications.iter();
    for deployment in applications.flat_map(|application| &application.deployments) {
        let config = &deployment.config;
        let most = match &config.replicas {
            Replicas::Fixed(count) => u32::try_from(*count).unwrap_or(u32::MAX),
            Replicas::Auto(auto) | Replicas::Planned(auto) => auto.bounds(TargetCapacity::FULL).max,
        };
        let each = config.resources;
        for _ in 0..config.target_capacity.adjust(most).min(MOST_REPLICAS) {
            sum.cpus = sum.cpus.plus(each.cpus);
            sum.gpus = sum.gpus.plus(each.gpus);
        }
    }
    (!sum.is_none()).then(|| sum.to_string())
}

fn planned(name: &str, action: Action, because: impl IntoIterator<Item = &'static str>) -> Planned {
    Planned {
        name: name.to_owned(),
        action,
        because: because.into_iter().map(str::to_owned).collect(),
    }
}

fn stopped(spec: &DeploymentSpec) -> Planned {
    planned(&spec.name, Action::Stop, [])
}

fn renewed(resources: &[Planned]) -> BTreeSet<String> {
    let renewed = resources.iter().filter(|p| p.action == Action::Roll);
    renewed.map(|planned| planned.name.clone()).collect()
}

fn changed_resources(old: Option<&ServeConfig>, new: &ServeConfig) -> Vec<Planned> {
    let mut all = Vec::new();
    let models = old.map_or(&[][..], |old| &old.models);
    compare(models, &new.models, |model| model.name.clone(), &mut all);
    let upstreams = old.map_or(&[][..], |old| &old.upstreams);
    let name = |upstream: &UpstreamSpec| upstream_resource(&upstream.options.name);
    compare(upstreams, &new.upstreams, name, &mut all);
    roll_moved(old, &mut all);
    let encoders = old.map_or(&[][..], |old| &old.encoders);
    let name = |encoder: &EncoderSpec| encoder_resource(&encoder.name);
    compare(encoders, &new.encoders, name, &mut all);
    let classifiers = old.map_or(&[][..], |old| &old.classifiers);
    let name = |classifier: &ClassifierSpec| classifier_resource(&classifier.name);
    compare(classifiers, &new.classifiers, name, &mut all);
    let translators = old.map(ServeConfig::used_translators).unwrap_or_default();
    let name = |translator: &&TranslatorSpec| translator_resource(&translator.name);
    compare(&translators, &new.used_translators(), name, &mut all);
    let collections = old.map(searched).unwrap_or_default();
    let name = |(collection, ..): &Searched<'_>| collection_resource(collection);
    compare(&collections, &searched(new), name, &mut all);
    all
}

/// A name that means a model of this server now, and one of another before, or the other way round.
fn roll_moved(old: Option<&ServeConfig>, all: &mut [Planned]) {
    let models = old.into_iter().flat_map(|old| &old.models);
    let models: BTreeSet<_> = models.map(|model| model.name.as_str()).collect();
    let upstreams = old.into_iter().flat_map(|old| &old.upstreams);
    let upstreams: BTreeSet<_> = upstreams.map(|u| u.options.name.as_str()).collect();
    for planned in all.iter_mut().filter(|p| p.action == Action::Start) {
        let moved = match planned.name.strip_prefix(UPSTREAMS) {
            Some(upstream) => models.contains(upstream),
            None => upstreams.contains(planned.name.as_str()),
        };
        if moved {
            planned.action = Action::Roll;
        }
    }
}

/// What is opened of a collection: its name, where it is kept, and who makes its vectors.
type Searched<'c> = (&'c str, &'c StoreSpec, Option<&'c EncoderSpec>);

fn searched(config: &ServeConfig) -> Vec<Searched<'_>> {
    let encoder = |name: &str| config.encoders.iter().find(|encoder| encoder.name == name);
    let collections = config.used_collections().into_iter();
    let searched = collections.map(|c| (c.name.as_str(), &c.store, encoder(&c.encoder)));
    searched.collect()
}

fn compare<T: PartialEq>(
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> String,
    all: &mut Vec<Planned>,
) {
    for spec in new {
        let before = old.iter().find(|known| name(known) == name(spec));
        let action = match before {
            None => Action::Start,
            Some(known) if known == spec => Action::Keep,
            Some(_) => Action::Roll,
        };
        all.push(planned(&name(spec), action, []));
    }
    let gone = old
        .iter()
        .filter(|known| new.iter().all(|spec| name(spec) != name(known)));
    all.extend(gone.map(|known| planned(&name(known), Action::Stop, [])));
}

fn application(
    old: Option<&ApplicationSpec>,
    new: &ApplicationSpec,
    renewed: &BTreeSet<String>,
) -> PlannedApplication {
    let Some(old) = old else {
        let started = |spec: &DeploymentSpec| planned(&spec.name, Action::Start, []);
        return PlannedApplication {
            application: planned(&new.name, Action::Start, []),
            deployments: new.deployments.iter().map(started).collect(),
        };
    };
    let mut because = Vec::new();
    because.extend((old.route_prefix != new.route_prefix).then_some("route_prefix"));
    because.extend((old.output != new.output).then_some("output"));
    because.extend((!same_way(old, new)).then_some("pipeline"));
    because.extend((old.slo != new.slo).then_some("slo"));
    let action = match because.is_empty() {
        true => Action::Keep,
        false => Action::Update,
    };
    let mut deployments: Vec<_> = new
        .deployments
        .iter()
        .map(|spec| deployment(old, (new, spec), renewed))
        .collect();
    replace_callers(new, &mut deployments);
    let gone = old.deployments.iter();
    let gone = gone.filter(|known| new.deployments.iter().all(|d| d.name != known.name));
    deployments.extend(gone.map(stopped));
    PlannedApplication {
        application: planned(&new.name, action, because),
        deployments,
    }
}

/// Whether the steps are the same, wherever they stand in the file.
fn same_way(old: &ApplicationSpec, new: &ApplicationSpec) -> bool {
    let names = |spec: &ApplicationSpec| -> Vec<String> {
        spec.deployments.iter().map(|d| d.name.clone()).collect()
    };
    old.pipeline == new.pipeline && names(old) == names(new)
}

fn deployment(
    old: &ApplicationSpec,
    (application, new): (&ApplicationSpec, &DeploymentSpec),
    renewed: &BTreeSet<String>,
) -> Planned {
    let name = &new.name;
    let Some(known) = old.deployments.iter().find(|known| known.name == *name) else {
        return planned(name, Action::Start, []);
    };
    if known.stage.signature() != new.stage.signature() {
        return planned(name, Action::Replace, [new.stage.key()]);
    }
    let mut because = changed_keys(&known.config, &new.config);
    let in_place = !because.is_empty();
    let stage = (known.stage != new.stage).then(|| new.stage.key());
    let mut uses = resources(application, new).into_iter();
    let used = uses.find(|used| renewed.contains(used));
    let resource = used.map(|used| match used.split_once('.') {
        Some(("encoders", _)) => "encoders",
        Some(("classifiers", _)) => "classifiers",
        Some(("translators", _)) => "translators",
        Some(("collections", _)) => "collections",
        Some(("upstreams", _)) => "upstreams",
        _ => "models",
    });
    let rolls = stage.is_some() || resource.is_some();
    because.extend(stage);
    because.extend(resource);
    let action = match (rolls, in_place) {
        (true, _) => Action::Roll,
        (false, true) => Action::Update,
        (false, false) => Action::Keep,
    };
    planned(name, action, because)
}

/// A stage that calls a deployment which is replaced is replaced with it, so that the old one goes on
/// calling the old one.
fn replace_callers(application: &ApplicationSpec, deployments: &mut [Planned]) {
    let replaced: BTreeSet<String> = deployments
        .iter()
        .filter(|planned| planned.action == Action::Replace)
        .map(|planned| planned.name.clone())
        .collect();
    for planned in deployments {
        let spec = application
            .deployments
            .iter()
            .find(|d| d.name == planned.name);
        let mut called = spec.into_iter().flat_map(|spec| spec.stage.judges());
        let stays = matches!(planned.action, Action::Keep | Action::Update | Action::Roll);
        if stays && called.any(|name| replaced.contains(name)) {
            planned.action = Action::Replace;
            planned.because.push("judge".to_owned());
        }
    }
}

/// The key that says how many replicas there are.
fn replicas_key(config: &DeploymentConfig) -> &'static str {
    match config.replicas {
        Replicas::Fixed(_) => "num_replicas",
        Replicas::Auto(_) | Replicas::Planned(_) => "autoscaling_config",
    }
}

/// Which keys of a deployment differ, as the file writes them.
fn changed_keys(old: &DeploymentConfig, new: &DeploymentConfig) -> Vec<&'static str> {
    let differs = [
        (replicas_key(new), old.replicas != new.replicas),
        (
            "target_capacity",
            old.target_capacity != new.target_capacity,
        ),
        (
            "max_ongoing_requests",
            old.max_ongoing_requests != new.max_ongoing_requests,
        ),
        (
            "max_queued_requests",
            old.max_queued_requests != new.max_queued_requests,
        ),
        (
            "health_check_period_s",
            old.health_check_period != new.health_check_period,
        ),
        (
            "health_check_timeout_s",
            old.health_check_timeout != new.health_check_timeout,
        ),
        (
            "graceful_shutdown_timeout_s",
            old.graceful_shutdown_timeout != new.graceful_shutdown_timeout,
        ),
        ("request_router_config", old.router != new.router),
        ("num_cpus", old.resources.cpus != new.resources.cpus),
        ("num_gpus", old.resources.gpus != new.resources.gpus),
        ("user_config", old.user_config != new.user_config),
        (
            "rolling_update_percentage",
            old.rolling_update_percentage.to_bits() != new.rolling_update_percentage.to_bits(),
        ),
        (
            "max_surge_percent",
            old.max_surge_percent.to_bits() != new.max_surge_percent.to_bits(),
        ),
        (
            "max_constructor_retry_count",
            old.max_constructor_retry_count != new.max_constructor_retry_count,
        ),
    ];
    let mut keys: Vec<_> = differs
        .into_iter()
        .filter_map(|(key, d)| d.then_some(key))
        .collect();
    if keys.is_empty() && old != new {
        keys.push("other settings");
    }
    keys
}
