//! `translators`: models that write a text for a text, by name.

use std::collections::HashMap;
use std::path::Path;

use engine::TranslatorConfig;
use engine::hub::ModelReference;

use super::encoders::unique_name;
use super::fault::Faults;
use super::node::{Node, Position};
use super::places::Places;
use super::read;
use super::section::Section;
use super::source;

/// One translator.
#[derive(Debug, Clone, PartialEq)]
pub struct TranslatorSpec {
    /// The name by which stages mean it.
    pub name: String,
    /// Where its files come from. A relative path was resolved against the configuration's folder.
    pub source: ModelReference,
    /// `max_input_tokens`, and how many texts may wait.
    pub config: TranslatorConfig,
    /// Where all this stands in the file.
    pub places: Places,
}

impl TranslatorSpec {
    /// Reads the whole list; `folder` is the configuration's. Names are unique.
    pub(super) fn read_all(list: &[Node], folder: &Path, faults: &mut Faults) -> Vec<Self> {
        let mut taken = HashMap::new();
        let specs = list.iter().enumerate().filter_map(|(index, node)| {
            let path = format!("translators[{index}]");
            Self::read(&path, node, folder, &mut taken, faults)
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
        let name = unique_name(&mut keys, "name: t5", taken, f);
        let source = keys.require("source", "source: hf://google-t5/t5-small", f, |node| {
            source::read(node, folder)
        });
        let config = TranslatorConfig {
            max_input_tokens: keys.take("max_input_tokens", f, read::integer(1..=4096_usize)),
            ..TranslatorConfig::default()
        };
        keys.finish(f);
        Some(Self {
            name: name?,
            source: source?,
            config,
            places: Places::of(&f.file, path, node),
        })
    }
}
