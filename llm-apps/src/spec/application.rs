//! `applications`: products as pipelines of deployments.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::classifiers::ClassifierSpec;
use super::collections::CollectionSpec;
use super::deployment;
use super::encoders::EncoderSpec;
use super::fault::Faults;
use super::flow::{Members, Scope};
use super::model_names;
use super::node::{Node, Position, Value};
use super::read;
use super::section::Section;
use super::slo;
use super::stages::StageSpec;
use super::steps::{self, StepSpec};
use super::streaming;
use super::translators::TranslatorSpec;
use crate::deployment::autoscaling::TargetCapacity;
use crate::deployment::autoscaling::slo::{Objective, SloConfig};
use crate::deployment::machine::Machine;
use crate::deployment::{DeploymentConfig, Replicas, StreamPart};
use crate::payload::{Kind, Signature, names};

/// One application.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationSpec {
    /// The name under which it is served, as a model and in `status`.
    pub name: String,
    /// The path below which it is served by itself; `None` serves it as a model only.
    pub route_prefix: Option<String>,
    /// The variable that is its answer. Default: `answer`.
    pub output: String,
    /// The latencies that it promises.
    pub slo: Option<SloConfig>,
    /// The way of its requests.
    pub pipeline: Vec<StepSpec>,
    /// Its deployments.
    pub deployments: Vec<DeploymentSpec>,
}

/// One deployment of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentSpec {
    /// Its name, unique in the application.
    pub name: String,
    /// What its replicas do.
    pub stage: StageSpec,
    /// How many, how full, how healthy.
    pub config: DeploymentConfig,
    /// Where it stands in the file.
    pub at: Position,
}

impl ApplicationSpec {
    /// The part that each deployment has in an answer that is read while it is made, in their order.
    pub fn stream_parts(&self) -> Vec<StreamPart> {
        streaming::parts(self)
    }

    /// The variables that some of its steps may write.
    pub fn writes(&self, steps: &[StepSpec]) -> BTreeSet<String> {
        let names: Vec<String> = self.deployments.iter().map(|d| d.name.clone()).collect();
        let signatures: Vec<_> = self
            .deployments
            .iter()
            .map(DeploymentSpec::signature)
            .collect();
        let members = Members {
            names: &names,
            signatures: &signatures,
        };
        members.writes(steps)
    }
}

impl DeploymentSpec {
    /// The variables that it finds in the payload and leaves there. Its `user_config` is its own.
    pub fn signature(&self) -> Signature {
        let mut signature = self.stage.signature();
        if self.config.user_config.is_some() {
            signature.reads.remove(names::USER_CONFIG);
        }
        signature
    }
}

/// What is known when applications are read: what their stages may name.
pub(super) struct Known<'a> {
    pub(super) folder: &'a Path,
    /// Names and aliases of `models`.
    pub(super) models: &'a BTreeSet<String>,
    /// Names of `upstreams`.
    pub(super) upstreams: &'a BTreeSet<String>,
    /// `encoders`.
    pub(super) encoders: &'a [EncoderSpec],
    /// `classifiers`.
    pub(super) classifiers: &'a [ClassifierSpec],
    /// `translators`.
    pub(super) translators: &'a [TranslatorSpec],
    /// `collections`.
    pub(super) collections: &'a [CollectionSpec],
    /// Of which replicas reserve their shares.
    pub(super) machine: &'a Machine,
    /// The share of their replicas that all deployments have.
    pub(super) target_capacity: TargetCapacity,
}

impl Known<'_> {
    /// Whether an encoder or a classifier is served under this name.
    fn is_small(&self, name: &str) -> bool {
        self.encoders.iter().any(|found| found.name == name)
            || self.classifiers.iter().any(|found| found.name == name)
    }

    /// What a stage names and is not there.
    fn missing(&self, stage: &StageSpec) -> Vec<String> {
        let encoders = self.encoders.iter().map(|encoder| encoder.name.as_str());
        let classifiers = self.classifiers.iter().map(|found| found.name.as_str());
        let translators = self.translators.iter().map(|found| found.name.as_str());
        let collections = self.collections.iter().map(|found| found.name.as_str());
        let mut missing: Vec<_> = model_names::fault_of(stage, self).into_iter().collect();
        let mut check = |what: &str, name: &str, known: &[&str]| {
            if !known.contains(&name) {
                // A name that is taken twice is a fault of its own.
                let mut known = known.to_vec();
                known.dedup();
                let known = match known.as_slice() {
                    [] => "none".to_owned(),
                    known => known.join(", "),
                };
                let name = name.escape_debug();
                missing.push(format!("no {what} is called `{name}`; there are {known}"));
            }
        };
        if let Some(name) = stage.encoder() {
            check("encoder", name, &encoders.collect::<Vec<_>>());
        }
        if let Some(name) = stage.classifier() {
            check("classifier", name, &classifiers.collect::<Vec<_>>());
        }
        if let Some(name) = stage.translator() {
            check("translator", name, &translators.collect::<Vec<_>>());
        }
        if let Some(name) = stage.collection() {
            check("collection", name, &collections.collect::<Vec<_>>());
        }
        missing
    }
}

/// Longest name, in characters.
const MAX_NAME: usize = 128;

/// Reads the list. Names and route prefixes are unique, and no name is a model's.
pub(super) fn read_all(
    list: &[Node],
    known: &Known<'_>,
    faults: &mut Faults,
) -> Vec<ApplicationSpec> {
    let mut taken = Taken::default();
    let read = |(index, node): (usize, &Node)| {
        let path = format!("applications[{index}]");
        application(&path, node, known, &mut taken, faults)
    };
    list.iter().enumerate().filter_map(read).collect()
}

#[derive(Default)]
struct Taken {
    names: HashMap<String, Position>,
    prefixes: HashMap<String, Position>,
}

fn application(
    path: &str,
    node: &Node,
    known: &Known<'_>,
    taken: &mut Taken,
    f: &mut Faults,
) -> Option<ApplicationSpec> {
    let mut keys = Section::open(path, node, f);
    let name = keys.require("name", "name: docs-assistant", f, name);
    if let (Some(name), Some(node)) = (&name, keys.node("name")) {
        let at_path = keys.path("name");
        if known.models.contains(name) || known.is_small(name) {
            let message =
                format!("`{at_path}`: a model is called `{name}` too; requests name either");
            f.note(node.at, message);
        }
        claim(name, node.at, (&at_path, "the name"), &mut taken.names, f);
    }
    let route_prefix = keys.take("route_prefix", f, prefix);
    if let (Some(prefix), Some(node)) = (&route_prefix, keys.node("route_prefix")) {
        let at_path = keys.path("route_prefix");
        claim(
            prefix,
            node.at,
            (&at_path, "the prefix"),
            &mut taken.prefixes,
            f,
        );
    }
    let output = keys
        .take("output", f, variable)
        .unwrap_or_else(|| names::ANSWER.to_owned());
    let slo_path = keys.path("slo");
    let slo_node = keys.node("slo");
    let slo = slo_node.and_then(|node| slo::read(&slo_path, node, f));
    let deployments_path = keys.path("deployments");
    let deployments = match keys.list("deployments", f) {
        Some(list) => {
            let governed = slo_node.is_some();
            deployments(&deployments_path, list, (known, governed), f)
        }
        None => {
            keys.miss("deployments", "at least one is needed");
            Vec::new()
        }
    };
    let whole: Vec<_> = deployments.iter().filter_map(|(_, d)| d.as_ref()).collect();
    model_names::check_counting(&whole, known, f);
    let pipeline = pipeline(&mut keys, &deployments, &output, f);
    keys.finish(f);
    let application = ApplicationSpec {
        name: name?,
        route_prefix,
        output,
        slo,
        pipeline: pipeline?,
        deployments: deployments
            .into_iter()
            .filter_map(|(_, found)| found)
            .collect(),
    };
    if let (Some(slo), Some(node)) = (&application.slo, slo_node) {
        check_slo(&application, slo, (&slo_path, node.at), f);
    }
    Some(application)
}

/// Objectives that no planner could do anything for.
fn check_slo(
    application: &ApplicationSpec,
    slo: &SloConfig,
    (path, at): (&str, Position),
    f: &mut Faults,
) {
    let mut deployments = application.deployments.iter();
    if !deployments.any(|d| matches!(d.config.replicas, Replicas::Planned(_))) {
        let message = format!(
            "`{path}`: all deployments have a fixed number of replicas, so nothing can be done for it; give \
             one an `autoscaling_config`"
        );
        f.note(at, message);
    }
    let mut objectives = slo.objectives().iter();
    let between = objectives.any(|(what, _)| *what == Objective::InterTokenLatency);
    if between && !application.stream_parts().contains(&StreamPart::Streams) {
        let message = format!(
            "`{path}.itl_p95`: no stage makes an answer that is read meanwhile, so there is no time between \
             its pieces; leave it out"
        );
        f.note(at, message);
    }
}

/// Every deployment's name, with what could be read of it.
fn deployments(
    path: &str,
    list: &[Node],
    (known, governed): (&Known<'_>, bool),
    f: &mut Faults,
) -> Vec<(String, Option<DeploymentSpec>)> {
    let mut taken = HashMap::new();
    let mut found = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let mut keys = Section::open(&path, node, f);
        let name = keys.require("name", "name: answer", f, name);
        if let (Some(name), Some(node)) = (&name, keys.node("name")) {
            claim(
                name,
                node.at,
                (&keys.path("name"), "the name"),
                &mut taken,
                f,
            );
        }
        let (mut config, routing) = deployment::read(&mut keys, known, governed, f);
        let stage = StageSpec::read(&mut keys, known.folder, f);
        if let Some(stage) = &stage {
            config.router = routing.of(stage, &path, f);
        }
        keys.finish(f);
        for message in stage.iter().flat_map(|stage| known.missing(stage)) {
            f.note(node.at, format!("`{path}`: {message}"));
        }
        let Some(name) = name else { continue };
        let spec = stage.map(|stage| DeploymentSpec {
            name: name.clone(),
            stage,
            config,
            at: node.at,
        });
        found.push((name, spec));
    }
    found
}

/// Reads the steps, and follows them where all their deployments are whole.
fn pipeline(
    keys: &mut Section<'_>,
    deployments: &[(String, Option<DeploymentSpec>)],
    output: &str,
    f: &mut Faults,
) -> Option<Vec<StepSpec>> {
    let path = keys.path("pipeline");
    let names: Vec<String> = deployments.iter().map(|(name, _)| name.clone()).collect();
    let steps = match keys.list("pipeline", f) {
        Some([]) | None => {
            keys.miss(
                "pipeline",
                "write for example `pipeline: [retrieve, answer]`",
            );
            return None;
        }
        Some(list) => steps::read(&path, list, &names, f),
    };
    let whole: Option<Vec<&DeploymentSpec>> = deployments.iter().map(|(_, d)| d.as_ref()).collect();
    let Some(whole) = whole.filter(|_| f.list.is_empty()) else {
        // What does not fit may be what is faulty.
        return Some(steps);
    };
    let signatures: Vec<Signature> = whole.iter().map(|d| d.signature()).collect();
    let members = Members {
        names: &names,
        signatures: &signatures,
    };
    let mut scope = given();
    members.follow(&steps, &mut scope, f);
    let mut called = steps::called(&steps);
    for deployment in &whole {
        for judge in deployment.stage.judges() {
            match names.iter().position(|name| name == judge) {
                Some(_) if *judge == deployment.name => {
                    let message = format!("the judge of `{judge}` calls `{judge}` itself");
                    f.note(deployment.at, message);
                }
                Some(index) => drop(called.insert(index)),
                None => {
                    let message = format!(
                        "the judge of `{}` calls `{}`, which is no deployment; there are {}",
                        deployment.name,
                        judge.escape_debug(),
                        names.join(", ")
                    );
                    f.note(deployment.at, message);
                }
            }
        }
    }
    let made = signatures.iter().flat_map(|s| s.writes.keys());
    let made: BTreeSet<_> = made.chain(given().keys()).cloned().collect();
    for deployment in &whole {
        let unknown = |name: &&String| !made.contains(*name) && *name != "attempt";
        for name in deployment.stage.judged_by().filter(unknown) {
            let message = format!(
                "the judge of `{}` passes by `{name}`, which no stage makes",
                deployment.name
            );
            f.note(deployment.at, message);
        }
    }
    for (index, deployment) in whole.iter().enumerate() {
        if !called.contains(&index) {
            let message = format!("no step of the pipeline calls `{}`", deployment.name);
            f.note(deployment.at, message);
        }
    }
    if !scope.contains_key(output) {
        let known: Vec<_> = scope.keys().map(String::as_str).collect();
        let message = format!(
            "the pipeline does not make `{output}`, which is the application's `output`, on each of its \
             ways; it makes {}",
            known.join(", ")
        );
        let at = keys
            .node("pipeline")
            .map_or_else(|| keys.at(), |node| node.at);
        f.note(at, message);
    }
    Some(steps)
}

/// What a request brings.
fn given() -> Scope {
    BTreeMap::from([
        (names::QUESTION.to_owned(), Kind::Text),
        (names::MESSAGES.to_owned(), Kind::Messages),
        (names::REQUEST.to_owned(), Kind::Object),
    ])
}

fn claim(
    id: &str,
    at: Position,
    (path, what): (&str, &str),
    taken: &mut HashMap<String, Position>,
    f: &mut Faults,
) {
    if let Some(first) = taken.get(id) {
        f.note(at, format!("`{path}`: {what} `{id}` is taken at {first}"));
    } else {
        taken.insert(id.to_owned(), at);
    }
}

fn name(node: &Node) -> Result<String, read::Expected> {
    let expected = || format!("a text of 1 to {MAX_NAME} letters, digits and -_.");
    let name = read::text(node).map_err(|text| match node.value {
        Value::Text(_) | Value::Expanded { .. } => expected(),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Faulty => text,
    })?;
    let fits = name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits { Ok(name) } else { Err(expected()) }
}

fn variable(node: &Node) -> Result<String, read::Expected> {
    let name = read::text(node)?;
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    fits.then_some(name)
        .ok_or_else(|| "the name of a variable: letters, digits and _".to_owned())
}

/// A path as Ray Serve takes it. `/` itself would hide the API.
fn prefix(node: &Node) -> Result<String, read::Expected> {
    let expected = "a path such as /docs-assistant: it begins with a slash, does not end with one, and is \
                    not below /v1";
    let prefix = read::text(node).map_err(|_| expected.to_owned())?;
    let ours = [
        "/v1",
        "/api",
        "/livez",
        "/readyz",
        "/health",
        "/metrics",
        "/version",
        "/tokenize",
        "/detokenize",
        "/-",
    ];
    let below = |ours: &&str| {
        prefix
            .strip_prefix(*ours)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let fits = prefix.len() > 1
        && prefix.starts_with('/')
        && !prefix.ends_with('/')
        && !prefix.contains("//")
        // Clients resolve these before they ask.
        && !prefix.split('/').any(|part| matches!(part, "." | ".."))
        && prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./~".contains(&b))
        && !ours.iter().any(below);
    if fits {
        Ok(prefix)
    } else {
        Err(expected.to_owned())
    }
}
