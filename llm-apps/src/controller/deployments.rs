//! The deployments of one application, brought from one configuration to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;

use super::assembly::{assembled, blueprint, resources};
use super::surroundings::Surroundings;
use crate::deployment::{Deployment, DeploymentCounts, DeploymentStatus, Governor, Realm};
use crate::payload::Payload;
use crate::pipeline::Pipeline;
use crate::spec::{ApplicationSpec, DeploymentSpec, StageSpec};

/// By name.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    running: BTreeMap<Arc<str>, Deployed>,
    /// Plans their replicas, where the application has objectives.
    governor: Option<Governor>,
}

/// One deployment, and what it was last told to be.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) deployment: Deployment<Payload, Payload>,
    /// Unknown where code made it.
    stage: Option<StageSpec>,
    /// Counts the stages that its replicas were to run: another number, other replicas.
    version: u64,
    /// Callers come before those whom they call.
    rank: usize,
    /// Whether it came with a pipeline that does not serve yet.
    awaited: bool,
}

/// Deployments by name, callers first.
pub(super) type Ended = Vec<(Arc<str>, Deployment<Payload, Payload>)>;

/// What came of bringing the deployments to another configuration.
#[derive(Debug)]
pub(super) struct Adopted {
    /// The way over them.
    pub(super) pipeline: Pipeline,
    /// How those stand that must run before the pipeline can serve.
    pub(super) awaited: Vec<watch::Receiver<DeploymentStatus>>,
    /// Those that the pipeline before needs, and this one does not.
    pub(super) gone: Ended,
    /// Who planned their replicas, where nobody does any more.
    pub(super) governor: Option<Governor>,
}

impl Deployments {
    /// Those that code made, callers first.
    pub(super) fn of(deployments: Ended) -> Self {
        let deployed = |(rank, (name, deployment))| {
            let deployed = Deployed {
                deployment,
                stage: None,
                version: 0,
                rank,
                awaited: false,
            };
            (name, deployed)
        };
        Self {
            running: deployments.into_iter().enumerate().map(deployed).collect(),
            governor: None,
        }
    }

    /// Starts, changes and gives up deployments until they are what `spec` says.
    pub(super) fn adopt(&mut self, spec: &ApplicationSpec, around: &Surroundings) -> Adopted {
        // Those that call others come when these are there.
        let (callers, others): (Vec<_>, Vec<_>) = spec
            .deployments
            .iter()
            .partition(|deployment| !deployment.stage.judges().is_empty());
        let gone = self.give_up(spec);
        for deployment in others {
            self.deploy(spec, deployment, 1, around);
        }
        for deployment in callers {
            self.deploy(spec, deployment, 0, around);
        }
        let pipeline = assembled(spec, &self.running);
        let governor = self.govern(spec, &pipeline);
        let awaited = self.running.values().filter(|known| known.awaited);
        Adopted {
            awaited: awaited.map(|known| known.deployment.watch()).collect(),
            pipeline,
            gone,
            governor,
        }
    }

    /// Takes note that the pipeline over them serves.
    pub(super) fn settle(&mut self) {
        for known in self.running.values_mut() {
            known.awaited = false;
        }
    }

    /// Takes away what does not stay. Requests on their way along the old pipeline must not meet a stage that
    /// reads other variables than it did: such a one gets replicas, and a queue, of its own, and so does one
    /// that calls it.
    fn give_up(&mut self, spec: &ApplicationSpec) -> Ended {
        let wanted = |name: &str| spec.deployments.iter().find(|d| d.name == name);
        let stays = |name: &str, known: &Deployed| {
            wanted(name).is_some_and(|wanted| known.takes_what(&wanted.stage))
        };
        let mut gone: Vec<_> = self
            .running
            .extract_if(.., |name, known| !stays(name, known))
            .collect();
        let names: BTreeSet<Arc<str>> = gone.iter().map(|(name, _)| Arc::clone(name)).collect();
        let calls_anew = |name: &str| {
            let judges = wanted(name).into_iter().flat_map(|d| d.stage.judges());
            judges
                .into_iter()
                .any(|judge| names.contains(judge.as_str()))
        };
        gone.extend(self.running.extract_if(.., |name, _| calls_anew(name)));
        callers_first(gone)
    }

    /// Has the replicas planned by the application's objectives, or not any more: then returns who did.
    fn govern(&mut self, spec: &ApplicationSpec, pipeline: &Pipeline) -> Option<Governor> {
        let Some(slo) = &spec.slo else {
            return self.governor.take();
        };
        let governed = spec.deployments.iter().zip(spec.stream_parts());
        let governed = governed.filter_map(|(deployment, part)| {
            let known = self.running.get(deployment.name.as_str())?;
            Some((known.deployment.planned(), part))
        });
        let realm = Realm {
            application: spec.name.as_str().into(),
            slo: slo.clone(),
            requests: Arc::clone(pipeline.requests()),
            deployments: governed.collect(),
        };
        match &self.governor {
            Some(governor) => governor.update(realm),
            None => self.governor = Some(Governor::start(realm)),
        }
        None
    }

    /// What was counted of each.
    pub(super) fn counts(&self) -> BTreeMap<String, DeploymentCounts> {
        let running = self.running.iter();
        let counted = running.map(|(name, known)| (name.to_string(), known.deployment.counts()));
        counted.collect()
    }

    fn deploy(
        &mut self,
        application: &ApplicationSpec,
        spec: &DeploymentSpec,
        rank: usize,
        around: &Surroundings,
    ) {
        let name = spec.name.as_str();
        let before = self.running.get(name);
        let renewed = || {
            let mut named = resources(application, spec).into_iter();
            named.any(|resource| around.renewed.contains(&resource))
        };
        let version = match before {
            Some(known) if known.stage.as_ref() == Some(&spec.stage) && !renewed() => known.version,
            Some(known) => known.version + 1,
            None => 1,
        };
        let blueprint = blueprint(application, spec, around, &self.running, version);
        let config = spec.config.clone();
        if let Some(known) = self.running.get_mut(name) {
            known.deployment.update(config, blueprint);
            (known.version, known.rank) = (version, rank);
            known.stage = Some(spec.stage.clone());
            return;
        }
        let deployment = Deployment::start(
            name,
            config,
            blueprint,
            &around.host(&application.name, name),
        );
        let deployed = Deployed {
            deployment,
            stage: Some(spec.stage.clone()),
            version,
            rank,
            awaited: true,
        };
        self.running.insert(name.into(), deployed);
    }

    /// How they stand.
    pub(super) fn status(&self) -> BTreeMap<String, DeploymentStatus> {
        let running = self.running.iter();
        let told = running.map(|(name, known)| (name.to_string(), known.deployment.status()));
        told.collect()
    }

    /// All of them, to be ended, and who plans them.
    pub(super) fn into_ended(self) -> (Option<Governor>, Ended) {
        let ended = callers_first(self.running.into_iter().collect());
        (self.governor, ended)
    }
}

impl Deployed {
    /// Whether `stage` reads and writes what the one that runs does.
    fn takes_what(&self, stage: &StageSpec) -> bool {
        let known = self.stage.as_ref().map(StageSpec::signature);
        known.is_none_or(|known| known == stage.signature())
    }
}

fn callers_first(mut deployed: Vec<(Arc<str>, Deployed)>) -> Ended {
    deployed.sort_by_key(|(_, known)| known.rank);
    let deployments = deployed.into_iter();
    deployments.map(|(name, d)| (name, d.deployment)).collect()
}
