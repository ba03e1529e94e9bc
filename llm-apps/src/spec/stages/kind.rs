//! Which stage it is.

use std::path::Path;

use super::{generate, http, process, prompt, validate};
use crate::payload::Signature;
use crate::spec::fault::Faults;
use crate::spec::section::Section;
use crate::stage::generate::{GenerateOptions, GenerateStage};
use crate::stage::http::{HttpStage, HttpStageOptions};
use crate::stage::process::{ProcessOptions, ProcessStage};
use crate::stage::prompt::{PromptOptions, PromptStage};
use crate::stage::validate::{ValidateOptions, ValidateStage};

/// The stage of a deployment, with its options.
#[derive(Debug, Clone, PartialEq)]
pub enum StageSpec {
    /// `prompt`.
    Prompt(PromptOptions),
    /// `generate`.
    Generate(Box<GenerateOptions>),
    /// `validate`.
    Validate(Box<ValidateOptions>),
    /// `http`.
    Http(Box<HttpStageOptions>),
    /// `process`.
    Process(ProcessOptions),
}

impl StageSpec {
    /// Takes the stage from a deployment's section, which has exactly one; `folder` is the
    /// configuration's.
    pub(in crate::spec) fn read(
        keys: &mut Section<'_>,
        folder: &Path,
        faults: &mut Faults,
    ) -> Option<Self> {
        let nodes = [
            ("prompt", keys.node("prompt")),
            ("generate", keys.node("generate")),
            ("validate", keys.node("validate")),
            ("http", keys.node("http")),
            ("process", keys.node("process")),
        ];
        let mut there = nodes
            .into_iter()
            .filter_map(|(key, node)| Some((key, node?)));
        let Some((key, node)) = there.next() else {
            let remedy =
                "a deployment runs a stage: one of prompt, generate, validate, http, process";
            keys.miss("prompt", remedy);
            return None;
        };
        for (other, node) in there {
            let message = format!(
                "`{}`: a deployment runs one stage, and this is `{key}`; make `{other}` a deployment of its own",
                keys.path(other)
            );
            faults.note(node.at, message);
        }
        let path = keys.path(key);
        match key {
            "prompt" => prompt::read(&path, node, folder, faults).map(Self::Prompt),
            "generate" => generate::read(&path, node, faults)
                .map(Box::new)
                .map(Self::Generate),
            "http" => http::read(&path, node, faults)
                .map(Box::new)
                .map(Self::Http),
            "process" => process::read(&path, node, folder, faults).map(Self::Process),
            _ => validate::read(&path, node, folder, faults)
                .map(Box::new)
                .map(Self::Validate),
        }
    }

    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        match self {
            Self::Prompt(options) => options.signature(),
            Self::Generate(options) => options.signature(),
            Self::Validate(options) => options.signature(),
            Self::Http(options) => options.signature(),
            Self::Process(options) => options.signature(),
        }
    }

    /// Whether it takes an answer that is still being made.
    pub fn takes_stream(&self) -> bool {
        match self {
            Self::Prompt(_) => PromptStage::TAKES_STREAM,
            Self::Generate(_) => GenerateStage::TAKES_STREAM,
            Self::Validate(_) => ValidateStage::TAKES_STREAM,
            Self::Http(_) => HttpStage::TAKES_STREAM,
            Self::Process(_) => ProcessStage::TAKES_STREAM,
        }
    }

    /// The models that it asks or counts with, by name.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let named = match self {
            Self::Prompt(options) => options.budget.as_ref().and_then(|b| b.tokenizer.as_deref()),
            Self::Generate(options) => Some(options.model.as_str()),
            Self::Validate(_) | Self::Http(_) | Self::Process(_) => None,
        };
        named.into_iter()
    }

    /// The deployments that judge for it, by name.
    pub fn judges(&self) -> &[String] {
        match self {
            Self::Validate(options) => options.judge.as_ref().map_or(&[], |judge| &judge.steps),
            Self::Prompt(_) | Self::Generate(_) | Self::Http(_) | Self::Process(_) => &[],
        }
    }
}
