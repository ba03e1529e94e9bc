//! What replicas are told, and how they are kept.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use engine::model::ModelInfo;
use engine::{EngineConfig, Isa};
use serde::{Deserialize, Serialize};

/// What a replica opens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicaConfig {
    /// The model's file or folder.
    pub path: PathBuf,
    /// Its engine.
    pub engine: EngineConfig,
}

/// How the replicas of a model are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicasConfig {
    /// How many there are.
    pub replicas: NonZeroUsize,
    /// A replica that says nothing for so long is frozen.
    pub heartbeat_timeout: Duration,
    /// A replica that holds requests and computes no step for so long is stuck. No step of a healthy one
    /// takes as long.
    pub stall_timeout: Duration,
    /// How long an answer whose replica was lost waits for another.
    pub failover_timeout: Duration,
}

impl Default for ReplicasConfig {
    fn default() -> Self {
        Self {
            replicas: NonZeroUsize::MIN,
            heartbeat_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(60),
            failover_timeout: Duration::from_secs(60),
        }
    }
}

/// The program that a replica is, and what is written behind its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The file.
    pub path: PathBuf,
    /// The arguments before those that say which replica it is.
    pub arguments: Vec<String>,
}

/// What a replica says of its model, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// As [`ModelInfo::architecture`].
    pub architecture: String,
    /// As [`ModelInfo::parameters`].
    pub parameters: u64,
    /// As [`ModelInfo::weight_bytes`].
    pub weight_bytes: u64,
    /// As [`ModelInfo::kv_cache_bytes`].
    pub kv_cache_bytes: u64,
    /// As [`ModelInfo::num_blocks`].
    pub num_blocks: usize,
    /// As [`ModelInfo::isa`].
    pub isa: Isa,
    /// As [`ModelInfo::notes`].
    pub notes: Vec<String>,
}

impl Facts {
    /// What is known of a model that was opened here.
    pub fn of(info: &ModelInfo) -> Self {
        Self {
            architecture: info.architecture.to_owned(),
            parameters: info.parameters,
            weight_bytes: info.weight_bytes,
            kv_cache_bytes: info.kv_cache_bytes,
            num_blocks: info.num_blocks,
            isa: info.isa,
            notes: info.notes.clone(),
        }
    }
}
