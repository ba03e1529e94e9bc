//! The file as a whole.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser has scores of errors, and two that are worded anew"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::admin::AdminOptions;
use super::application::{self, ApplicationSpec, Known};
use super::classifiers::ClassifierSpec;
use super::collections::CollectionSpec;
use super::encoders::EncoderSpec;
use super::fault::{Fault, Faults};
use super::grpc::GrpcOptions;
use super::http::HttpOptions;
use super::interpolate::interpolate;
use super::model::ModelSpec;
use super::node::{Node, Position, Value};
use super::read;
use super::section::Section;
use super::stages::StageSpec;
use super::translators::TranslatorSpec;
use super::upstreams::UpstreamSpec;
use crate::deployment::autoscaling::TargetCapacity;
use crate::deployment::machine::Machine;

/// What `penstock run` serves.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeConfig {
    /// The socket.
    pub http_options: HttpOptions,
    /// The socket of those who deploy. Default: on this machine alone.
    pub admin_options: AdminOptions,
    /// The way in by gRPC. Default: there is none.
    pub grpc_options: Option<GrpcOptions>,
    /// Whether request fields that are not known are refused with 400; else they are ignored and
    /// counted. Default: no.
    pub strict: bool,
    /// Requests that may generate at the same time, over all models; one more waits. Default: 256.
    pub max_ongoing_requests: usize,
    /// Requests that may wait for their turn; one more is refused with 429 and `Retry-After`. 0
    /// refuses at once. Default: 256.
    pub max_queued_requests: usize,
    /// Prompts that may be rendered and tokenised at the same time. Default: 4.
    pub max_concurrent_prepares: usize,
    /// Answers that one request may ask for: its prompts times `n`. Default: 128.
    pub max_choices: u32,
    /// Where files, batches and stored responses are kept; a relative path was resolved against the file's
    /// folder. Default: `None`, a folder of the program's own.
    pub data_dir: Option<PathBuf>,
    /// What is served; at least one, unless there are applications, upstreams or encoders.
    pub models: Vec<ModelSpec>,
    /// Models of other services, which stages ask. Default: none.
    pub upstreams: Vec<UpstreamSpec>,
    /// Models that turn texts into vectors. Default: none.
    pub encoders: Vec<EncoderSpec>,
    /// Models that give texts labels. Default: none.
    pub classifiers: Vec<ClassifierSpec>,
    /// Models that write a text for a text. Default: none.
    pub translators: Vec<TranslatorSpec>,
    /// Passages that can be searched. Default: none.
    pub collections: Vec<CollectionSpec>,
    /// The share of their replicas that all deployments have. Default: all.
    pub target_capacity: TargetCapacity,
    /// Products of several stages, served beside the models. Default: none.
    pub applications: Vec<ApplicationSpec>,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is wrong.
    #[error(transparent)]
    Faults(#[from] Faults),
}

/// Largest configuration file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Most nodes of a file, aliases followed.
const MAX_NODES: usize = 10_000;
/// Deepest nesting of a file.
const MAX_DEPTH: usize = 32;

impl ServeConfig {
    /// Reads and proves a file. Relative paths in it are resolved against its folder; `vars` are the
    /// environment's variables, for `${VAR}`.
    ///
    /// # Errors
    /// [`ConfigError::Faults`] lists every fault with its line and column.
    pub fn load(path: &Path, vars: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let unread = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unread)?;
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(unread)?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Ok(Self::parse(
            &path.display().to_string(),
            folder,
            &bytes,
            vars,
        )?)
    }

    /// Proves a file's bytes; `file` names it in faults.
    ///
    /// # Errors
    /// Every fault with its line and column. What is not YAML at all has one.
    pub fn parse(
        file: &str,
        folder: &Path,
        bytes: &[u8],
        vars: &BTreeMap<String, String>,
    ) -> Result<Self, Faults> {
        Self::parse_for(&Machine::unbounded(), file, folder, bytes, vars)
    }

    /// As [`parse`](Self::parse), for a machine: what a replica reserves and the machine does not have is a
    /// fault.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_for(
        machine: &Machine,
        file: &str,
        folder: &Path,
        bytes: &[u8],
        vars: &BTreeMap<String, String>,
    ) -> Result<Self, Faults> {
        let mut faults = Faults::new(file);
        let mut root = match parse_yaml(bytes) {
            Ok(root) => root,
            Err(fault) => {
                faults.list.push(fault);
                return Err(faults);
            }
        };
        interpolate(&mut root, vars, &mut faults);
        if root.value == Value::Null {
            let message = "the file is empty; `models` is needed, see configs/quickstart.yaml";
            faults.list.push(Fault {
                at: None,
                message: message.to_owned(),
            });
            return Err(faults);
        }
        let config = Self::read(&root, folder, machine, &mut faults);
        faults.or(config)
    }

    fn read(root: &Node, folder: &Path, machine: &Machine, faults: &mut Faults) -> Option<Self> {
        let mut keys = Section::open("", root, faults);
        let f = faults;
        let http_options = http_options(&mut keys, f);
        let grpc_options = keys.node("grpc_options");
        let grpc_options = grpc_options.map(|node| GrpcOptions::read(node, f));
        let admin_options = keys
            .node("admin_options")
            .map(|node| AdminOptions::read(node, f))
            .unwrap_or_default();
        let strict = keys.take("strict", f, read::boolean).unwrap_or(false);
        let max_ongoing_requests = keys
            .take(
                "max_ongoing_requests",
                f,
                read::integer(1..=1_048_576_usize),
            )
            .unwrap_or(256);
        let max_queued_requests = keys
            .take("max_queued_requests", f, read::integer(0..=1_048_576_usize))
            .unwrap_or(256);
        let max_concurrent_prepares = keys
            .take("max_concurrent_prepares", f, read::integer(1..=1024_usize))
            .unwrap_or(4);
        let max_choices = keys
            .take("max_choices", f, read::integer(1..=65_536_u32))
            .unwrap_or(128);
        let data_dir = data_dir(&mut keys, folder, f);
        let models = models(&mut keys, folder, f);
        let model_names = models.iter().flatten();
        let model_names = model_names
            .flat_map(|model| std::iter::once(&model.name).chain(&model.aliases))
            .cloned()
            .collect();
        let upstreams = keys.list("upstreams", f).unwrap_or_default();
        let (upstreams, upstream_names) = UpstreamSpec::read_all(upstreams, &model_names, f);
        let encoders = keys.list("encoders", f).unwrap_or_default();
        let encoders = EncoderSpec::read_all(encoders, folder, f);
        let classifiers = keys.list("classifiers", f).unwrap_or_default();
        let classifiers = ClassifierSpec::read_all(classifiers, folder, f);
        prove_names((&encoders, &classifiers), &model_names, f);
        let translators = keys.list("translators", f).unwrap_or_default();
        let translators = TranslatorSpec::read_all(translators, folder, f);
        let collections = keys.list("collections", f).unwrap_or_default();
        let collections = CollectionSpec::read_all(collections, folder, &encoders, f);
        let target_capacity = keys
            .take("target_capacity", f, target_capacity)
            .unwrap_or_default();
        let applications = keys.list("applications", f).unwrap_or_default();
        let known = Known {
            folder,
            machine,
            models: &model_names,
            upstreams: &upstream_names,
            encoders: &encoders,
            classifiers: &classifiers,
            translators: &translators,
            collections: &collections,
            target_capacity,
        };
        let applications = application::read_all(applications, &known, f);
        keys.finish(f);
        Some(Self {
            http_options,
            admin_options,
            grpc_options,
            strict,
            max_ongoing_requests,
            max_queued_requests,
            max_concurrent_prepares,
            max_choices,
            data_dir,
            models: models?,
            upstreams,
            encoders,
            classifiers,
            translators,
            collections,
            target_capacity,
            applications,
        })
    }

    /// The collections that stages search.
    pub fn used_collections(&self) -> Vec<&CollectionSpec> {
        let searched: BTreeSet<&str> = self.stages().filter_map(StageSpec::collection).collect();
        let all = self.collections.iter();
        all.filter(|spec| searched.contains(spec.name.as_str()))
            .collect()
    }

    /// The translators that stages ask.
    pub fn used_translators(&self) -> Vec<&TranslatorSpec> {
        let used: BTreeSet<&str> = self.stages().filter_map(StageSpec::translator).collect();
        let all = self.translators.iter();
        all.filter(|spec| used.contains(spec.name.as_str()))
            .collect()
    }

    fn stages(&self) -> impl Iterator<Item = &StageSpec> {
        let deployments = self.applications.iter().flat_map(|app| &app.deployments);
        deployments.map(|deployment| &deployment.stage)
    }

    /// The keys of what differs in `other` and cannot change while a server runs.
    pub fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        let differs = [
            ("http_options", self.http_options != other.http_options),
            ("admin_options", self.admin_options != other.admin_options),
            ("grpc_options", self.grpc_options != other.grpc_options),
            ("strict", self.strict != other.strict),
            (
                "max_ongoing_requests",
                self.max_ongoing_requests != other.max_ongoing_requests,
            ),
            (
                "max_queued_requests",
                self.max_queued_requests != other.max_queued_requests,
            ),
            ("max_choices", self.max_choices != other.max_choices),
            ("data_dir", self.data_dir != other.data_dir),
        ];
        let keys = differs.into_iter().filter(|(_, differs)| *differs);
        keys.map(|(key, _)| key).collect()
    }
}

/// Reads a file, whatever is wrong with it, for what it was asked for.
#[cfg(test)]
pub(super) fn read_for_tests(yaml: &str) -> Faults {
    let mut faults = Faults::new("");
    let root = parse_yaml(yaml.as_bytes()).unwrap();
    let machine = Machine::unbounded();
    drop(ServeConfig::read(
        &root,
        Path::new(""),
        &machine,
        &mut faults,
    ));
    faults
}

/// Encoders and classifiers are served under their names, so no two models of any kind have one.
fn prove_names(
    (encoders, classifiers): (&[EncoderSpec], &[ClassifierSpec]),
    models: &BTreeSet<String>,
    f: &mut Faults,
) {
    let encoders = encoders.iter().map(|spec| (&spec.name, &spec.places));
    let classifiers = classifiers.iter().map(|spec| (&spec.name, &spec.places));
    let small = encoders.chain(classifiers);
    let mut taken = BTreeSet::new();
    for (name, places) in small {
        // Twice in one list is a fault of the list already.
        if models.contains(name) || !taken.insert(name) {
            let message = format!("is `{name}`, as another model is called; requests name either");
            let fault = places.fault("name", &message);
            if fault
                .list
                .iter()
                .all(|fault| f.list.iter().all(|known| known.at != fault.at))
            {
                f.list.extend(fault.list);
            }
        }
    }
}

fn http_options(keys: &mut Section<'_>, f: &mut Faults) -> HttpOptions {
    let node = keys.node("http_options");
    node.map(|node| HttpOptions::read(node, f))
        .unwrap_or_default()
}

/// A relative path is one from the file's folder.
fn data_dir(keys: &mut Section<'_>, folder: &Path, f: &mut Faults) -> Option<PathBuf> {
    let path = keys.take("data_dir", f, read::text);
    path.map(|path| folder.join(path))
}

/// `models`, which may be missing where something else is served.
fn models(keys: &mut Section<'_>, folder: &Path, f: &mut Faults) -> Option<Vec<ModelSpec>> {
    match keys.node("models") {
        // A server of small models or of applications that ask others, and a file to ingest with, need none.
        None if ["applications", "upstreams", "encoders", "classifiers"]
            .iter()
            .any(|key| keys.node(key).is_some()) =>
        {
            Some(Vec::new())
        }
        None => {
            keys.miss("models", "at least one model is needed");
            None
        }
        Some(node) => match keys.list("models", f) {
            Some([]) => {
                f.note(
                    node.at,
                    "`models` is an empty list; at least one model is needed",
                );
                None
            }
            Some(list) => Some(ModelSpec::read_all(list, folder, f)),
            None => None,
        },
    }
}

fn target_capacity(node: &Node) -> Result<TargetCapacity, read::Expected> {
    let percent = read::number("a percentage from 0 to 100", |_| true)(node)?;
    TargetCapacity::new(percent).map_err(|_| "a percentage from 0 to 100".to_owned())
}

/// The tree of a document. The parser's budget bounds what aliases can blow up.
fn parse_yaml(bytes: &[u8]) -> Result<Node, Fault> {
    let fault = |at, message: String| Fault { at, message };
    if bytes.len() as u64 > MAX_BYTES {
        let message =
            format!("the file is larger than {MAX_BYTES} bytes, which no configuration is");
        return Err(fault(None, message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = String::from_utf8_lossy(before);
        let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        let at = Position {
            line: line as u64,
            column: column as u64,
        };
        fault(
            Some(at),
            "the file is not UTF-8; save it as UTF-8".to_owned(),
        )
    })?;
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_depth: MAX_DEPTH,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map(Position::from);
        fault(at, yaml_message(error.without_snippet()))
    })
}

/// The parser's message in our words where its own speak to programmers.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } => yaml_message(error),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{}` is there twice; keep one", key.escape_debug())
        }
        Error::MultipleDocuments { .. } => {
            "a second document begins here; one file holds one document".to_owned()
        }
        Error::Budget { .. } => format!(
            "the file has more than {MAX_NODES} values, or is nested deeper than {MAX_DEPTH}, once \
             its aliases are followed"
        ),
        other => {
            // The place is said before the message already.
            let text = other.to_string();
            let text = text.split(" at line ").next().unwrap_or(&text);
            format!("this is not YAML: {text}")
        }
    }
}
