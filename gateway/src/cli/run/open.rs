//! From configured models to running ones.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use engine::kernels::Kernels;
use engine::tokenizer::{ChatTemplate, ChatTemplateSource, TemplateError, Tokenizer};
use engine::{OpenModel, SamplingParams};
use gateway::ModelEntry;
use gateway::openai::Defaults;
use llm_apps::spec::{ModelSpec, SamplingDefaults, ServeConfig};
use llm_apps::stage::generate::{ModelInfo, TextModel, TextModelParts};

use super::banner::StartedModel;
use crate::cli::pull::fetch;
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// Fetches all models, then opens them one after the other.
pub(super) async fn open_all(
    config: &ServeConfig,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<(Vec<ModelEntry>, Vec<StartedModel>)> {
    // All are fetched before any is opened: what cannot be fetched should show before memory is used.
    let mut specs = Vec::new();
    for spec in &config.models {
        let fetched = fetch_all(spec.clone(), environment, terminal).await;
        specs.push(fetched.with_context(|| format!("model `{}`", spec.name))?);
    }
    let preparing = NonZeroUsize::new(config.max_concurrent_prepares).unwrap_or(NonZeroUsize::MIN);
    let (mut models, mut started) = (Vec::new(), Vec::new());
    for (spec, path) in specs {
        let name = spec.name.clone();
        let opening = open(spec, path, preparing);
        let (model, facts) = opening.await.with_context(|| format!("model `{name}`"))?;
        models.push(model);
        started.push(facts);
    }
    Ok((models, started))
}

/// Fetches a model, and the one that guesses for it, which its engine is then told.
async fn fetch_all(
    mut spec: ModelSpec,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<(ModelSpec, PathBuf)> {
    let model = fetch(&spec.source, environment, terminal).await?;
    if let Some(draft) = &spec.draft_model {
        let fetched = fetch(&draft.source, environment, terminal).await;
        let path = fetched.context("its draft model")?.path;
        spec.engine.speculation = Some(draft.at(path));
    }
    Ok((spec, model.path))
}

/// Reads the weights, which takes a while, on a thread where nobody waits.
async fn open(
    spec: ModelSpec,
    path: PathBuf,
    preparing: NonZeroUsize,
) -> Result<(ModelEntry, StartedModel)> {
    tokio::task::spawn_blocking(move || open_now(&spec, &path, preparing))
        .await
        .context("opening the model did not end as it should")?
}

fn open_now(
    spec: &ModelSpec,
    path: &Path,
    preparing: NonZeroUsize,
) -> Result<(ModelEntry, StartedModel)> {
    let opened = engine::open(path, &spec.engine)?;
    let chat_template = chat_template(spec, &opened.tokenizer)?;
    let threads = spec
        .engine
        .threads
        .or_else(|| std::thread::available_parallelism().ok());
    let started = StartedModel {
        name: spec.name.clone(),
        aliases: spec.aliases.clone(),
        path: path.to_owned(),
        architecture: opened.info.architecture.to_owned(),
        parameters: opened.info.parameters,
        weight_bytes: opened.info.weight_bytes,
        kv_cache_bytes: opened.info.kv_cache_bytes,
        kv_cache_tokens: opened.info.num_blocks * engine::BLOCK_SIZE,
        max_model_len: opened.engine.limits().max_model_len,
        threads: threads.unwrap_or(NonZeroUsize::MIN).get(),
        isa: Kernels::new(NonZeroUsize::MIN, spec.engine.isa)?.isa(),
        chats: chat_template.is_some(),
        notes: opened.info.notes.clone(),
    };
    let OpenModel {
        engine,
        tokenizer,
        eos_token_ids,
        ..
    } = opened;
    let text = TextModel::new(TextModelParts {
        engine,
        tokenizer,
        chat_template,
        info: ModelInfo {
            id: spec.name.clone(),
            aliases: spec.aliases.clone(),
            created: created(path),
            eos: eos_token_ids,
        },
        preparing,
    });
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
    let compiled = match &spec.chat_template {
        None => tokenizer.chat_template(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the chat template `{}`", path.display()))?;
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
        Err(error) => Err(error).context("the chat template cannot be used"),
    }
}

/// When the model came to this machine, in seconds since 1970.
fn created(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|found| found.modified());
    let modified = modified.unwrap_or(SystemTime::UNIX_EPOCH);
    modified
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
