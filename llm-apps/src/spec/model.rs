//! `models`: what is served, under which names, and how.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use engine::EngineConfig;
use engine::hub::ModelReference;

use super::engine as engine_section;
use super::fault::Faults;
use super::isolation;
use super::node::{Node, Position, Value};
use super::places::Places;
use super::read;
use super::sampling::SamplingDefaults;
use super::section::Section;
use super::source;
use super::speculation::DraftModelSpec;
use crate::reasoning::ReasoningFormat;
use crate::remote::ReplicasConfig;
use crate::tool_calls::ToolFormat;

/// One served model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// The id that clients send as `model`.
    pub name: String,
    /// Where its files come from. A relative path was resolved against the configuration's folder.
    pub source: ModelReference,
    /// Other ids that mean this model. Default: none.
    pub aliases: Vec<String>,
    /// Its engine.
    pub engine: EngineConfig,
    /// A model that guesses for it, to be fetched and given to its engine
    /// ([`DraftModelSpec::at`]). Default: none.
    pub draft_model: Option<DraftModelSpec>,
    /// How its engines are kept in processes of their own. Default: one engine, in this process.
    pub replicas: Option<ReplicasConfig>,
    /// For requests that are silent.
    pub sampling_defaults: SamplingDefaults,
    /// A Jinja file that replaces the model's own chat template. Default: the model's own. A
    /// relative path was resolved against the configuration's folder.
    pub chat_template: Option<PathBuf>,
    /// How it writes calls of tools. Default: told by its chat template.
    pub tool_parser: Option<ToolFormat>,
    /// How its thoughts stand in its answers. Default: told by its chat template.
    pub reasoning_parser: Option<ReasoningFormat>,
    /// Where all this stands in the file.
    pub places: Places,
}

/// Longest id of a model, in characters; ids stand in metrics and logs.
const MAX_NAME: usize = 128;

impl ModelSpec {
    /// Reads the whole list; `folder` is the configuration's. Names and aliases are unique.
    pub(super) fn read_all(list: &[Node], folder: &Path, faults: &mut Faults) -> Vec<Self> {
        let mut taken = HashMap::new();
        list.iter()
            .enumerate()
            .filter_map(|(index, node)| {
                Self::read(
                    &format!("models[{index}]"),
                    node,
                    folder,
                    &mut taken,
                    faults,
                )
            })
            .collect()
    }

    fn read(
        path: &str,
        node: &Node,
        folder: &Path,
        taken: &mut HashMap<String, Position>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let mut keys = Section::open(path, node, faults);
        let f = faults;
        let name = keys.require("name", "name: smollm2-135m-instruct", f, model_id);
        if let (Some(name), Some(node)) = (&name, keys.node("name")) {
            claim(name, node.at, &keys.path("name"), taken, f);
        }
        let source = keys.require("source", "source: smollm2-135m-instruct", f, |node| {
            source::read(node, folder)
        });
        let aliases_path = keys.path("aliases");
        let aliases = keys.list("aliases", f).unwrap_or_default();
        let aliases = aliases
            .iter()
            .filter_map(|node| alias(node, &aliases_path, taken, f))
            .collect();
        let engine_path = keys.path("engine");
        let (engine, draft_model) = keys
            .node("engine")
            .map(|node| engine_section::read(&engine_path, node, folder, f))
            .unwrap_or_default();
        let replicas = isolation::read(&mut keys, f);
        let sampling_path = keys.path("sampling_defaults");
        let sampling_defaults = keys
            .node("sampling_defaults")
            .map(|node| SamplingDefaults::read(&sampling_path, node, f))
            .unwrap_or_default();
        let chat_template = keys.take("chat_template", f, |node| template(node, folder));
        let tool_parser = keys.take("tool_parser", f, tool_format);
        let reasoning_parser = keys.take("reasoning_parser", f, reasoning_format);
        keys.finish(f);
        Some(Self {
            name: name?,
            source: source?,
            aliases,
            engine,
            draft_model,
            replicas,
            sampling_defaults,
            chat_template,
            tool_parser,
            reasoning_parser,
            places: Places::of(&f.file, path, node),
        })
    }
}

fn alias(
    node: &Node,
    path: &str,
    taken: &mut HashMap<String, Position>,
    faults: &mut Faults,
) -> Option<String> {
    if node.value == Value::Faulty {
        return None;
    }
    match model_id(node) {
        Ok(alias) => {
            claim(&alias, node.at, path, taken, faults);
            Some(alias)
        }
        Err(expected) => {
            let message = format!("`{path}` must hold {expected}, but holds {}", node.shown());
            faults.note(node.at, message);
            None
        }
    }
}

/// Notes that an id is taken, or that it was before.
fn claim(
    id: &str,
    at: Position,
    path: &str,
    taken: &mut HashMap<String, Position>,
    faults: &mut Faults,
) {
    if let Some(first) = taken.get(id) {
        let message =
            format!("`{path}`: the id `{id}` is taken at {first}; names and aliases are unique");
        faults.note(at, message);
    } else {
        taken.insert(id.to_owned(), at);
    }
}

fn model_id(node: &Node) -> Result<String, read::Expected> {
    let expected = || format!("a text of 1 to {MAX_NAME} characters without spaces");
    let name = read::text(node).map_err(|text| match node.value {
        Value::Text(_) | Value::Expanded { .. } => expected(),
        _ => text,
    })?;
    let fits = name.chars().count() <= MAX_NAME
        && !name.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits { Ok(name) } else { Err(expected()) }
}

fn tool_format(node: &Node) -> Result<ToolFormat, read::Expected> {
    let name = read::text(node).unwrap_or_default();
    let format = ToolFormat::ALL.into_iter().find(|f| f.name() == name);
    format.ok_or_else(|| {
        let names = ToolFormat::ALL.map(ToolFormat::name);
        format!("one of {}", names.join(", "))
    })
}

fn reasoning_format(node: &Node) -> Result<ReasoningFormat, read::Expected> {
    let name = read::text(node).unwrap_or_default();
    let format = ReasoningFormat::ALL.into_iter().find(|f| f.name() == name);
    format.ok_or_else(|| {
        let names = ReasoningFormat::ALL.map(ReasoningFormat::name);
        format!("one of {}", names.join(", "))
    })
}

fn template(node: &Node, folder: &Path) -> Result<PathBuf, read::Expected> {
    let path = folder.join(read::text(node).map_err(|_| "the path of a Jinja file".to_owned())?);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!(
            "the path of a Jinja file (there is none at {})",
            path.display()
        ))
    }
}
