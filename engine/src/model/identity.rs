//! A name for a model's weights, for what outlives the program and must not outlive the weights.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::files::ModelFiles;
use crate::BLOCK_SIZE;
use crate::config::{Device, EngineConfig};
use crate::model::ModelError;

/// Version of what the kernels write into a block: its order of values and its number format. A
/// change of either must change it.
const LAYOUT: &str = "[head][keys [dim][position], values [position][dim]], scales in front, 2";
/// The same of a device's caches.
const DEVICE_LAYOUT: &str =
    "keys and values [position][head][dim], bf16 of bf16 weights, else f16, 1";
/// Parts of each file that are read, and bytes of each: enough to tell versions of a model apart in a
/// few milliseconds, beside the files' sizes and times of change.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: u64 = 16 << 10;

/// The name of the model in `files` as `config` has it computed: equal for the same files, different
/// for others.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn identity(files: &ModelFiles, config: &EngineConfig) -> Result<[u8; 32], ModelError> {
    let mut digest = Sha256::new();
    digest.update(match config.device {
        Device::Cpu => LAYOUT,
        Device::Cuda { .. } => DEVICE_LAYOUT,
    });
    // Another version or precision may round otherwise, and answers must not depend on what is found.
    digest.update(env!("CARGO_PKG_VERSION"));
    digest.update(format!("{:?}", config.activations));
    digest.update(format!("{:?}", config.kv_cache_dtype));
    digest.update(BLOCK_SIZE.to_le_bytes());
    digest.update([u8::from(cfg!(target_endian = "big"))]);
    digest.update(files_identity(files)?);
    Ok(digest.finalize().into())
}

/// The name of the model's files alone.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn files_identity(files: &ModelFiles) -> Result<[u8; 32], ModelError> {
    let mut digest = Sha256::new();
    for path in paths(files)? {
        add(&mut digest, &path).map_err(|error| ModelError::Io(error).at(&path))?;
    }
    Ok(digest.finalize().into())
}

/// The files that say what the model computes.
fn paths(files: &ModelFiles) -> Result<Vec<PathBuf>, ModelError> {
    let folder = match files {
        ModelFiles::Gguf { first, rest } => {
            return Ok([first].into_iter().chain(rest).cloned().collect());
        }
        ModelFiles::Folder(folder) => folder,
    };
    let mut paths = vec![folder.config.clone()];
    for entry in fs::read_dir(&folder.path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "safetensors") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn add(digest: &mut Sha256, path: &PathBuf) -> io::Result<()> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let changed = meta.modified()?.duration_since(UNIX_EPOCH);
    digest.update(changed.unwrap_or_default().as_nanos().to_le_bytes());
    digest.update(meta.len().to_le_bytes());
    let stride = (meta.len() / SAMPLES).max(SAMPLE_BYTES);
    let mut sample = Vec::new();
    for i in 0..SAMPLES {
        sample.clear();
        file.seek(SeekFrom::Start(i * stride))?;
        (&file).take(SAMPLE_BYTES).read_to_end(&mut sample)?;
        digest.update(&sample);
    }
    Ok(())
}
