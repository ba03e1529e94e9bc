//! `classifiers`: models that give texts labels, by name.

use std::collections::HashMap;
use std::path::Path;

use engine::EncoderConfig;
use engine::hub::ModelReference;

use super::encoders::{batching, unique_name};
use super::fault::Faults;
use super::node::{Node, Position};
use super::places::Places;
use super::section::Section;
use super::source;

/// One classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierSpec {
    /// The name by which stages and requests mean it.
    pub name: String,
    /// Where its files come from. A relative path was resolved against the configuration's folder.
    pub source: ModelReference,
    /// `max_batch_size` and `batch_wait_timeout_s`, how texts are batched.
    pub config: EncoderConfig,
    /// Where all this stands in the file.
    pub places: Places,
}

impl ClassifierSpec {
    /// Reads the whole list; `folder` is the configuration's. Names are unique.
    pub(super) fn read_all(list: &[Node], folder: &Path, faults: &mut Faults) -> Vec<Self> {
        let mut taken = HashMap::new();
        let specs = list.iter().enumerate().filter_map(|(index, node)| {
            let path = format!("classifiers[{index}]");
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
        let name = unique_name(&mut keys, "name: sentiment", taken, f);
        let example = "source: hf://distilbert/distilbert-base-uncased-finetuned-sst-2-english";
        let source = keys.require("source", example, f, |node| source::read(node, folder));
        let config = batching(&mut keys, f);
        keys.finish(f);
        Some(Self {
            name: name?,
            source: source?,
            config,
            places: Places::of(&f.file, path, node),
        })
    }
}
