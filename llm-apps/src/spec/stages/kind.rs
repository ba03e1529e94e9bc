//! Which stage it is.

use std::path::Path;

use super::{
    classify, embed, generate, http, lookup, process, prompt, rerank, translate, validate,
};
use crate::payload::Signature;
use crate::spec::fault::Faults;
use crate::spec::section::Section;
use crate::stage::classify::{ClassifyOptions, ClassifyStage};
use crate::stage::embed::{EmbedOptions, EmbedStage};
use crate::stage::generate::{GenerateOptions, GenerateStage};
use crate::stage::http::{HttpStage, HttpStageOptions};
use crate::stage::lookup::{LookupOptions, LookupStage};
use crate::stage::process::{ProcessOptions, ProcessStage};
use crate::stage::prompt::{PromptOptions, PromptStage};
use crate::stage::rerank::{RerankOptions, RerankStage};
use crate::stage::translate::{TranslateOptions, TranslateStage};
use crate::stage::validate::{ValidateOptions, ValidateStage};

/// The stage of a deployment, with its options.
#[derive(Debug, Clone, PartialEq)]
pub enum StageSpec {
    /// `embed`.
    Embed(EmbedOptions),
    /// `lookup`.
    Lookup(Box<LookupOptions>),
    /// `rerank`.
    Rerank(RerankOptions),
    /// `classify`.
    Classify(Box<ClassifyOptions>),
    /// `translate`.
    Translate(TranslateOptions),
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
            ("embed", keys.node("embed")),
            ("lookup", keys.node("lookup")),
            ("rerank", keys.node("rerank")),
            ("classify", keys.node("classify")),
            ("translate", keys.node("translate")),
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
            let remedy = "a deployment runs a stage: one of embed, lookup, rerank, classify, translate, prompt, generate, validate, http, process";
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
            "embed" => embed::read(&path, node, faults).map(Self::Embed),
            "lookup" => lookup::read(&path, node, faults)
                .map(Box::new)
                .map(Self::Lookup),
            "rerank" => rerank::read(&path, node, faults).map(Self::Rerank),
            "classify" => classify::read(&path, node, faults)
                .map(Box::new)
                .map(Self::Classify),
            "translate" => translate::read(&path, node, faults).map(Self::Translate),
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

    /// The key under which it stands in the file.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Embed(_) => "embed",
            Self::Lookup(_) => "lookup",
            Self::Rerank(_) => "rerank",
            Self::Classify(_) => "classify",
            Self::Translate(_) => "translate",
            Self::Prompt(_) => "prompt",
            Self::Generate(_) => "generate",
            Self::Validate(_) => "validate",
            Self::Http(_) => "http",
            Self::Process(_) => "process",
        }
    }

    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        match self {
            Self::Embed(options) => options.signature(),
            Self::Lookup(options) => options.signature(),
            Self::Rerank(options) => options.signature(),
            Self::Classify(options) => options.signature(),
            Self::Translate(options) => options.signature(),
            Self::Prompt(options) => options.signature(),
            Self::Generate(options) => options.signature(),
            Self::Validate(options) => options.signature(),
            Self::Http(options) => options.signature(),
            Self::Process(options) => options.signature(),
        }
    }

    /// The variable of the prompt that it gives to a model, if that is what it does.
    pub fn prompt_variable(&self) -> Option<&str> {
        if let Self::Generate(options) = self {
            return Some(options.input.variable());
        }
        None
    }

    /// Whether it takes an answer that is still being made.
    pub fn takes_stream(&self) -> bool {
        match self {
            Self::Embed(_) => EmbedStage::TAKES_STREAM,
            Self::Lookup(_) => LookupStage::TAKES_STREAM,
            Self::Rerank(_) => RerankStage::TAKES_STREAM,
            Self::Classify(_) => ClassifyStage::TAKES_STREAM,
            Self::Translate(_) => TranslateStage::TAKES_STREAM,
            Self::Prompt(_) => PromptStage::TAKES_STREAM,
            Self::Generate(_) => GenerateStage::TAKES_STREAM,
            Self::Validate(_) => ValidateStage::TAKES_STREAM,
            Self::Http(_) => HttpStage::TAKES_STREAM,
            Self::Process(_) => ProcessStage::TAKES_STREAM,
        }
    }

    /// The models that it asks or counts with, by name.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let mut named = None;
        if let Self::Prompt(options) = self {
            named = options.budget.as_ref().and_then(|b| b.tokenizer.as_deref());
        } else if let Self::Generate(options) = self {
            named = Some(options.model.as_str());
        }
        named.into_iter()
    }

    /// The model that it asks for an answer.
    pub fn generates_with(&self) -> Option<&str> {
        if let Self::Generate(options) = self {
            return Some(&options.model);
        }
        None
    }

    /// The encoder that it names.
    pub fn encoder(&self) -> Option<&str> {
        if let Self::Embed(options) = self {
            return Some(&options.encoder);
        }
        if let Self::Classify(options) = self {
            return options.encoder();
        }
        if let Self::Rerank(options) = self {
            return options.encoder();
        }
        None
    }

    /// The classifier that it asks.
    pub fn classifier(&self) -> Option<&str> {
        if let Self::Classify(options) = self {
            return options.classifier();
        }
        if let Self::Rerank(options) = self {
            return options.classifier();
        }
        None
    }

    /// The translator that it asks.
    pub fn translator(&self) -> Option<&str> {
        if let Self::Translate(options) = self {
            return Some(&options.translator);
        }
        None
    }

    /// The collection that it searches.
    pub fn collection(&self) -> Option<&str> {
        if let Self::Lookup(options) = self {
            return Some(&options.collection);
        }
        None
    }

    /// The deployments that judge for it, by name.
    pub fn judges(&self) -> &[String] {
        if let Self::Validate(options) = self {
            return options.judge.as_ref().map_or(&[], |judge| &judge.steps);
        }
        &[]
    }

    /// The variables by which its judge passes an answer.
    pub(in crate::spec) fn judged_by(&self) -> impl Iterator<Item = &String> {
        let mut judge = None;
        if let Self::Validate(options) = self {
            judge = options.judge.as_ref();
        }
        judge.into_iter().flat_map(|judge| judge.pass.names())
    }
}
