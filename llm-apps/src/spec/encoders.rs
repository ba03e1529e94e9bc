//! `encoders`: models that turn texts into vectors, by name.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use engine::EncoderConfig;
use engine::hub::ModelReference;

use super::fault::Faults;
use super::node::{Node, Position, Value};
use super::places::Places;
use super::read;
use super::section::Section;
use super::source;

/// One encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderSpec {
    /// The name by which collections, stages and requests mean it. A collection keeps it, so another encoder
    /// needs another name.
    pub name: String,
    /// Where its files come from. A relative path was resolved against the configuration's folder.
    pub source: ModelReference,
    /// `max_batch_size` and `batch_wait_timeout_s`, how texts are batched.
    pub config: EncoderConfig,
    /// Lengths to which its vectors may be cut, beside those that its own files allow.
    pub matryoshka_dimensions: Vec<usize>,
    /// Where all this stands in the file.
    pub places: Places,
}

impl EncoderSpec {
    /// Reads the whole list; `folder` is the configuration's. Names are unique.
    pub(super) fn read_all(list: &[Node], folder: &Path, faults: &mut Faults) -> Vec<Self> {
        let mut taken = HashMap::new();
        let specs = list.iter().enumerate().filter_map(|(index, node)| {
            Self::read(
                &format!("encoders[{index}]"),
                node,
                folder,
                &mut taken,
                faults,
            )
        });
        specs.collect()
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
        let name = unique_name(&mut keys, "name: minilm", taken, f);
        let source = keys.require("source", "source: all-minilm-l6-v2", f, |node| {
            source::read(node, folder)
        });
        let config = batching(&mut keys, f);
        let matryoshka_dimensions = keys.take("matryoshka_dimensions", f, dimensions);
        keys.finish(f);
        Some(Self {
            name: name?,
            source: source?,
            config,
            matryoshka_dimensions: matryoshka_dimensions.unwrap_or_default(),
            places: Places::of(&f.file, path, node),
        })
    }
}

/// `max_batch_size` and `batch_wait_timeout_s`.
pub(super) fn batching(keys: &mut Section<'_>, f: &mut Faults) -> EncoderConfig {
    let default = EncoderConfig::default();
    EncoderConfig {
        max_batch_size: keys
            .take("max_batch_size", f, read::integer(1..=1024_usize))
            .unwrap_or(default.max_batch_size),
        batch_wait_timeout: keys
            .take("batch_wait_timeout_s", f, read::seconds(0.0..=10.0))
            .unwrap_or(Duration::ZERO),
        ..default
    }
}

/// The `name` of an entry, which no other of its list has.
pub(super) fn unique_name(
    keys: &mut Section<'_>,
    example: &str,
    taken: &mut HashMap<String, Position>,
    faults: &mut Faults,
) -> Option<String> {
    let name = keys.require("name", example, faults, name)?;
    let at = keys.node("name")?.at;
    if let Some(first) = taken.get(&name) {
        let path = keys.path("name");
        faults.note(
            at,
            format!("`{path}`: the name `{name}` is taken at {first}; names are unique"),
        );
    } else {
        taken.insert(name.clone(), at);
    }
    Some(name)
}

/// A name that stands in metrics, logs and paths.
fn name(node: &Node) -> Result<String, read::Expected> {
    let expected = "a name of 1 to 64 letters, digits, `-`, `_` and `.`";
    let name = read::text(node).map_err(|_| expected.to_owned())?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.len() <= 64 && name.chars().all(fits) {
        Ok(name)
    } else {
        Err(expected.to_owned())
    }
}

/// Lengths of vectors.
fn dimensions(node: &Node) -> Result<Vec<usize>, read::Expected> {
    let expected = || "a list of numbers of a vector, such as [128, 256]".to_owned();
    let Value::List(items) = &node.value else {
        return Err(expected());
    };
    let length = |item| read::integer(1..=65_536_usize)(item).map_err(|_| expected());
    items.iter().map(length).collect()
}
