//! What can go wrong when a model is loaded or run.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::{Device, KvCacheDtype};
use crate::gguf::GgufError;
use crate::kernels::KernelError;

/// Why a model could not be loaded, or a step could not be computed.
#[derive(Debug, Error)]
pub enum ModelError {
    /// Something is wrong with one of the model's files.
    #[error("{path:?}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What.
        source: Box<ModelError>,
    },
    /// A file could not be read.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// A GGUF file is broken, or lacks what is needed.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A safetensors file, or the index of several, is broken.
    #[error("not a sound safetensors file: {0}")]
    Safetensors(String),
    /// There is no model at a path, or a part of it is missing.
    #[error("{0}")]
    NotFound(String),
    /// The model's description contradicts itself or is absurd.
    #[error("{what} {fault}")]
    Spec {
        /// Which part of the description.
        what: String,
        /// What is wrong with it, and what would be right.
        fault: String,
    },
    /// An architecture that the engine does not compute.
    #[error("architecture {found:?} is not supported; supported are {supported}")]
    Architecture {
        /// Its name in the file.
        found: String,
        /// The ones that are, as such files name them.
        supported: String,
    },
    /// A trait of the model that the engine does not compute.
    #[error("{found} is not supported; supported are: {supported}")]
    Unsupported {
        /// The trait.
        found: String,
        /// What is supported in its place.
        supported: String,
    },
    /// A tensor is stored in a format that the kernels do not read.
    #[error(
        "tensor {name:?} is stored as {found}, which is not supported; supported are {supported}"
    )]
    Format {
        /// The tensor.
        name: String,
        /// Its format.
        found: String,
        /// The ones that are supported.
        supported: String,
    },
    /// A tensor has another shape than the model's description asks for.
    #[error("tensor {name:?} must have shape {expected:?}, but has {found:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Rows and columns that are wanted; of a vector, its length.
        expected: Vec<usize>,
        /// The file's.
        found: Vec<usize>,
    },
    /// A tensor is not in the files.
    #[error("tensor {name:?} is missing")]
    MissingTensor {
        /// The tensor, as such files name it.
        name: String,
    },
    /// The kernels cannot be set up, or refuse a tensor.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The KV cache cannot hold one full context.
    #[error(
        "a KV cache of {bytes} bytes cannot hold one context of {max_model_len} tokens; \
         {needed} bytes would, or a smaller max_model_len"
    )]
    CacheTooSmall {
        /// `kv_cache_bytes` of the configuration.
        bytes: usize,
        /// The longest context.
        max_model_len: usize,
        /// Bytes that would do.
        needed: usize,
    },
    /// The configuration asks for what this model cannot do.
    #[error("{knob} must be {expected}, but is {found}")]
    Config {
        /// The knob.
        knob: &'static str,
        /// What would do.
        expected: String,
        /// What it is.
        found: usize,
    },
    /// The configuration asks for a device that this program was not built for.
    #[error(
        "device {device} is not in this program; build it with `cargo build --release --features cuda`"
    )]
    DeviceNotBuilt {
        /// The device.
        device: Device,
    },
    /// A device's cache cannot store what the configuration asks for.
    #[error("a device keeps keys and values with 16 bits; kv_cache_dtype must be f16, not {0:?}")]
    DeviceCache(KvCacheDtype),
    /// There is no such device, or it failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// The plan asks for what the model cannot compute: a fault of the layer above.
    #[error("the plan cannot be computed: {why}")]
    Plan {
        /// What is wrong with it.
        why: String,
    },
}

impl ModelError {
    /// Names the file in which the fault lies.
    pub(super) fn at(self, path: &Path) -> Self {
        // Of two files the inner one is the nearer; these errors name theirs.
        if matches!(self, Self::File { .. } | Self::Gguf(GgufError::Io { .. })) {
            return self;
        }
        Self::File {
            path: path.to_owned(),
            source: Box::new(self),
        }
    }

    pub(super) fn spec(what: &str, fault: impl Into<String>) -> Self {
        Self::Spec {
            what: what.to_owned(),
            fault: fault.into(),
        }
    }

    pub(super) fn unsupported(found: String, supported: &str) -> Self {
        Self::Unsupported {
            found,
            supported: supported.to_owned(),
        }
    }

    pub(super) fn architecture(found: &str, supported: &[&str]) -> Self {
        Self::Architecture {
            found: found.to_owned(),
            supported: supported.join(", "),
        }
    }

    pub(super) fn plan(why: impl Into<String>) -> Self {
        Self::Plan { why: why.into() }
    }
}

#[cfg(any(test, feature = "cuda"))]
impl From<candle_core::Error> for ModelError {
    fn from(error: candle_core::Error) -> Self {
        Self::Device(error.to_string())
    }
}
