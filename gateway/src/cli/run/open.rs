//! From configured models to running ones.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Error, Result};
use engine::hub::HubError;
use engine::tokenizer::{ChatTemplate, ChatTemplateSource, TemplateError, Tokenizer};
use engine::{OpenError, OpenModel, SamplingParams};
use gateway::ModelEntry;
use gateway::openai::Defaults;
use llm_apps::remote::{Facts, Opened, Program, ReplicaConfig, Replicas};
use llm_apps::spec::{ModelSpec, SamplingDefaults};
use llm_apps::stage::generate::{Backend, ModelInfo, TextModel, TextModelParts};

use super::banner::StartedModel;
use crate::cli::pull::fetch;
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// Fetches a model, and the one that guesses for it, which its engine is then told.
pub(super) async fn fetch_all(
    mut spec: ModelSpec,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<(ModelSpec, PathBuf)> {
    let fetched = fetch(&spec.source, environment, terminal).await;
    let model = fetched.map_err(|error| match error.is::<HubError>() {
        true => error.context(spec.places.fault("source", "cannot be had")),
        false => error.context(format!("model `{}`", spec.name)),
    })?;
    if let Some(draft) = &spec.draft_model {
        let fetched = fetch(&draft.source, environment, terminal).await;
        let whose = || format!("model `{}`: its draft model", spec.name);
        let path = fetched.with_context(whose)?.path;
        spec.engine.speculation = Some(draft.at(path));
    }
    Ok((spec, model.path))
}

/// Reads the weights, which takes a while, on a thread where nobody waits, or has processes read them.
pub(super) async fn open(
    spec: ModelSpec,
    path: PathBuf,
    preparing: NonZeroUsize,
) -> Result<(ModelEntry, StartedModel)> {
    let beside = || "opening a model did not end as it should";
    let Some(replicas) = spec.replicas else {
        let opened = tokio::task::spawn_blocking(move || open_now(&spec, &path, preparing));
        return opened.await.with_context(beside)?;
    };
    let told = |spec: &ModelSpec| format!("model `{}`", spec.name);
    let tokenizer = {
        let (spec, path) = (spec.clone(), path.clone());
        let read = tokio::task::spawn_blocking(move || {
            engine::open_tokenizer(&path).map_err(|error| fault(&spec, error))
        });
        read.await.with_context(beside)??
    };
    let opens = ReplicaConfig {
        path: path.clone(),
        engine: spec.engine.clone(),
    };
    let started = Replicas::start(&spec.name, own_program()?, opens, replicas).await;
    let started = started.with_context(|| told(&spec))?;
    let mut opened = started.opened().clone();
    let processes = replicas.replicas;
    opened
        .facts
        .notes
        .push(format!("computed in processes of their own: {processes}"));
    assemble(&spec, &path, preparing, (started.into(), tokenizer, opened))
}

/// The program that runs, as it is now: an upgrade may have put another in its place.
fn own_program() -> Result<Program> {
    let running = Path::new("/proc/self/exe");
    let path = match running.exists() {
        true => running.to_owned(),
        false => std::env::current_exe().context("this program cannot be found on disk")?,
    };
    let arguments = vec!["replica".to_owned()];
    Ok(Program { path, arguments })
}

fn open_now(
    spec: &ModelSpec,
    path: &Path,
    preparing: NonZeroUsize,
) -> Result<(ModelEntry, StartedModel)> {
    let opened = engine::open(path, &spec.engine).map_err(|error| fault(spec, error))?;
    let OpenModel {
        engine,
        tokenizer,
        eos_token_ids,
        info,
    } = opened;
    let opened = Opened {
        limits: engine.limits(),
        eos_token_ids,
        facts: Facts::of(&info),
    };
    assemble(spec, path, preparing, (engine.into(), tokenizer, opened))
}

/// A model that cannot be opened, with the line of the configuration that is at fault.
fn fault(spec: &ModelSpec, error: OpenError) -> Error {
    match spec.fault_of(&error) {
        Some(fault) => fault.into(),
        None => Error::new(error).context(format!("model `{}`", spec.name)),
    }
}

/// A model from what computes it, its tokenizer, and what is known of it.
fn assemble(
    spec: &ModelSpec,
    path: &Path,
    preparing: NonZeroUsize,
    (engine, tokenizer, opened): (Backend, Tokenizer, Opened),
) -> Result<(ModelEntry, StartedModel)> {
    let chat_template = chat_template(spec, &tokenizer)?;
    let threads = spec
        .engine
        .threads
        .or_else(|| std::thread::available_parallelism().ok());
    let facts = opened.facts;
    let started = StartedModel {
        name: spec.name.clone(),
        aliases: spec.aliases.clone(),
        path: path.to_owned(),
        architecture: facts.architecture,
        parameters: facts.parameters,
        weight_bytes: facts.weight_bytes,
        kv_cache_bytes: facts.kv_cache_bytes,
        kv_cache_tokens: facts.num_blocks * engine::BLOCK_SIZE,
        max_model_len: opened.limits.max_model_len,
        device: spec.engine.device,
        threads: threads.unwrap_or(NonZeroUsize::MIN).get(),
        isa: facts.isa,
        activations: spec.engine.activations,
        speculation: spec.engine.speculation.clone(),
        chats: chat_template.is_some(),
        notes: facts.notes,
    };
    let text = TextModel::new(TextModelParts {
        engine,
        tokenizer,
        chat_template,
        info: ModelInfo {
            id: spec.name.clone(),
            aliases: spec.aliases.clone(),
            created: created(path),
            eos: opened.eos_token_ids,
        },
        preparing,
    })
    .with_tool_format(spec.tool_parser)
    .with_reasoning_format(spec.reasoning_parser);
    let defaults = defaults(&spec.sampling_defaults);
    Ok((ModelEntry { text, defaults }, started))
}

/// What silent requests get.
fn defaults(sampling: &SamplingDefaults) -> Defaults {
    let mut params = SamplingParams::default();
    sampling.apply(&mut params);
    Defaults {
        params,
        max_tokens: sampling.max_tokens,
    }
}

/// The configured template, or the model's own; a model without one completes texts only.
fn chat_template(spec: &ModelSpec, tokenizer: &Tokenizer) -> Result<Option<ChatTemplate>> {
    let places = &spec.places;
    let compiled = match &spec.chat_template {
        None => tokenizer.chat_template(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| places.fault("chat_template", "cannot be read"))?;
            let source = ChatTemplateSource {
                template: Some(text),
                ..tokenizer.chat_template_source().clone()
            };
            ChatTemplate::new(&source)
        }
    };
    match compiled {
        Ok(template) => Ok(Some(template)),
        Err(TemplateError::Missing) => Ok(None),
        Err(error) => Err(error).context(match &spec.chat_template {
            Some(_) => places.fault("chat_template", "cannot be used"),
            None => places.fault("source", "has a chat template that cannot be used"),
        }),
    }
}

/// When the model came to this machine, in seconds since 1970.
pub(super) fn created(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|found| found.modified());
    let modified = modified.unwrap_or(SystemTime::UNIX_EPOCH);
    modified
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
