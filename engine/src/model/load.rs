//! From files to a model that runs.

use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

#[cfg(any(test, feature = "cuda"))]
use super::device::DeviceRunner;
use super::eos;
use super::files::{ModelFiles, ModelFolder, WeightFiles};
use super::identity::{files_identity, identity};
use super::llama::LlamaRunner;
use super::packed::{self, PackedPlace};
use super::spec::{ModelSpec, from_config_json, from_gguf};
use super::weights::{GgufShards, SafetensorsShards, Weights};
use crate::config::{Device, EngineConfig, Isa};
#[cfg(feature = "cuda")]
use crate::kernels::device::open_gpu;
use crate::kernels::{KernelError, Kernels};
use crate::model::{Forward, ModelError, ModelInfo};

/// Longest `config.json`, in bytes.
const MAX_CONFIG: u64 = 16 << 20;

/// A model in memory.
#[derive(Debug)]
pub struct LoadedModel {
    /// What computes.
    pub runner: Box<dyn Forward>,
    /// Facts for people.
    pub info: ModelInfo,
    /// Tokens that end an answer, ascending.
    pub eos_token_ids: Vec<u32>,
}

/// Reads a model's spec and weights, and sets up its KV cache and kernel threads.
///
/// # Errors
/// [`ModelError`] names the file and what is wrong with it, or the knob of `config` that does not
/// fit the model.
pub fn load(files: &ModelFiles, config: &EngineConfig) -> Result<LoadedModel, ModelError> {
    let opened = Opened::open(files)?;
    let identity = match &config.kv_tiers {
        Some(tiers) if tiers.disk.is_some() => identity(files, config)?,
        Some(_) | None => [0; 32],
    };
    run(files, opened, config, identity)
}

/// Reads a model that guesses for another one whose contexts have so many tokens: its own may be
/// shorter.
///
/// # Errors
/// As [`load`].
pub fn load_draft(
    files: &ModelFiles,
    config: &EngineConfig,
    max_model_len: usize,
) -> Result<LoadedModel, ModelError> {
    let opened = Opened::open(files)?;
    let config = EngineConfig {
        max_model_len: Some(max_model_len.min(opened.spec.max_positions)),
        ..config.clone()
    };
    run(files, opened, &config, [0; 32])
}

fn run(
    files: &ModelFiles,
    opened: Opened,
    config: &EngineConfig,
    identity: [u8; 32],
) -> Result<LoadedModel, ModelError> {
    let first = kernels(config, config.isa)?;
    let isa = first.isa();
    let Opened {
        name,
        mut spec,
        weights,
        eos_token_ids,
    } = opened;
    let (parameters, file_bytes) = weights.totals();
    let Placed {
        runner,
        weight_bytes,
        kv_cache_bytes,
    } = match config.device {
        Device::Cpu => {
            let runner = on_cpu(files, &spec, &weights, config, first)?.with_identity(identity);
            Placed {
                weight_bytes: runner.weight_bytes(),
                kv_cache_bytes: runner.kv_cache_bytes(),
                runner: Box::new(runner),
            }
        }
        device @ Device::Cuda { ordinal } => {
            spec.notes.push(format!(
                "computed on {device}: products with quantised weights have activations of 8 bits"
            ));
            on_cuda(ordinal, &spec, &weights, config, (first, identity))?
        }
    };
    let info = ModelInfo {
        name,
        architecture: spec.architecture.name(),
        parameters,
        file_bytes,
        weight_bytes,
        kv_cache_bytes,
        num_blocks: runner.num_blocks(),
        isa,
        max_positions: spec.max_positions,
        notes: spec.notes,
    };
    Ok(LoadedModel {
        runner,
        info,
        eos_token_ids,
    })
}

/// A model where it computes.
struct Placed {
    runner: Box<dyn Forward>,
    weight_bytes: u64,
    kv_cache_bytes: u64,
}

/// `first` are the kernels to begin with.
fn on_cpu(
    files: &ModelFiles,
    spec: &ModelSpec,
    weights: &Weights,
    config: &EngineConfig,
    first: Kernels,
) -> Result<LlamaRunner, ModelError> {
    let runner = |kernels| LlamaRunner::new(spec, weights, kernels, config);
    let Some(folder) = &config.packed_weights else {
        return runner(first);
    };
    let isa = first.isa();
    let place = PackedPlace::new(folder, files.path(), files_identity(files)?, isa);
    packed::start(&place, first, || kernels(config, Some(isa)), runner)
}

/// The threads that `config` asks for.
fn kernels(config: &EngineConfig, isa: Option<Isa>) -> Result<Kernels, KernelError> {
    let threads = config
        .threads
        .or_else(|| thread::available_parallelism().ok());
    Kernels::new(threads.unwrap_or(NonZeroUsize::MIN), isa)
}

/// `workers` are for what becomes of the logits.
#[cfg(feature = "cuda")]
fn on_cuda(
    ordinal: usize,
    spec: &ModelSpec,
    weights: &Weights,
    config: &EngineConfig,
    (workers, identity): (Kernels, [u8; 32]),
) -> Result<Placed, ModelError> {
    let device = open_gpu(ordinal)
        .map_err(|error| ModelError::Device(format!("cuda:{ordinal}: {error}")))?;
    let runner = DeviceRunner::new(spec, weights, (device, workers), config)?;
    let runner = runner.with_identity(identity);
    Ok(Placed {
        weight_bytes: runner.weight_bytes(),
        kv_cache_bytes: runner.kv_cache_bytes(),
        runner: Box::new(runner),
    })
}

#[cfg(not(feature = "cuda"))]
fn on_cuda(
    ordinal: usize,
    _: &ModelSpec,
    _: &Weights,
    _: &EngineConfig,
    _: (Kernels, [u8; 32]),
) -> Result<Placed, ModelError> {
    let device = Device::Cuda { ordinal };
    Err(ModelError::DeviceNotBuilt { device })
}

/// The model on a device of the caller's choice.
#[cfg(test)]
pub(super) fn load_on(
    files: &ModelFiles,
    config: &EngineConfig,
    device: candle_core::Device,
) -> Result<DeviceRunner, ModelError> {
    let Opened { spec, weights, .. } = Opened::open(files)?;
    let workers = kernels(config, config.isa)?;
    DeviceRunner::new(&spec, &weights, (device, workers), config)
}

/// Proves that a model's weight files are whole: that their headers can be read, and that every
/// tensor lies within its file. The weights themselves are not read.
///
/// # Errors
/// [`ModelError`] names the file and what is wrong with it.
pub fn verify(files: &ModelFiles) -> Result<(), ModelError> {
    match files {
        ModelFiles::Gguf { first, rest } => GgufShards::open(first, rest).map(drop),
        ModelFiles::Folder(folder) => open_safetensors(&folder.weights).map(drop),
    }
}

/// What the files say, before anything is packed.
struct Opened {
    name: String,
    spec: ModelSpec,
    weights: Weights,
    eos_token_ids: Vec<u32>,
}

impl Opened {
    fn open(files: &ModelFiles) -> Result<Self, ModelError> {
        match files {
            ModelFiles::Gguf { first, rest } => Self::gguf(first, GgufShards::open(first, rest)?),
            ModelFiles::Folder(folder) => Self::folder(folder),
        }
    }

    fn gguf(path: &Path, shards: GgufShards) -> Result<Self, ModelError> {
        let spec = from_gguf(&shards).map_err(|error| error.at(path))?;
        let eos_token_ids = eos::of_gguf(&shards, spec.vocab).map_err(|error| error.at(path))?;
        let name = shards.metadata().get::<&str>("general.name");
        let name = name.map_err(|error| shards.error(error))?;
        Ok(Self {
            name: name.map_or_else(|| text_of(path.file_stem(), path), str::to_owned),
            spec,
            weights: Weights::Gguf(shards),
            eos_token_ids,
        })
    }

    fn folder(folder: &ModelFolder) -> Result<Self, ModelError> {
        let text = read_config(&folder.config).map_err(|error| error.at(&folder.config))?;
        let spec = from_config_json(&text).map_err(|error| error.at(&folder.config))?;
        let weights = open_safetensors(&folder.weights)?;
        let eos_token_ids = eos::of_folder(folder, spec.vocab)?;
        Ok(Self {
            // A folder has no extension: "SmolLM2-1.7B" stays whole.
            name: text_of(folder.path.file_name(), &folder.path),
            spec,
            weights: Weights::Safetensors(weights),
            eos_token_ids,
        })
    }
}

fn open_safetensors(files: &WeightFiles) -> Result<SafetensorsShards, ModelError> {
    match files {
        WeightFiles::Single(path) => SafetensorsShards::open(path),
        WeightFiles::Indexed(path) => SafetensorsShards::open_indexed(path),
    }
}

fn read_config(path: &Path) -> Result<Vec<u8>, ModelError> {
    let size = fs::metadata(path)?.len();
    if size > MAX_CONFIG {
        let fault = format!("has {size} bytes; at most {MAX_CONFIG} are possible");
        return Err(ModelError::spec("config.json", fault));
    }
    Ok(fs::read(path)?)
}

/// A part of a path as text, or the whole path where it has no such part.
fn text_of(part: Option<&OsStr>, path: &Path) -> String {
    let name = part.unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
