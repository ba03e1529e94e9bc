//! `engine`: sizes and limits of a model's engine, proved to be an [`EngineConfig`].

use std::num::NonZeroUsize;
use std::path::Path;

use engine::{Activations, Device, DiskTierConfig, EngineConfig, Isa, KvCacheDtype, KvTiersConfig};

use super::fault::Faults;
use super::node::Node;
use super::read;
use super::section::Section;
use super::size::ByteSize;
use super::speculation::{self, DraftModelSpec, SpeculationSection};

/// Reads the section `path`; `folder` is the configuration's. The defaults are
/// [`EngineConfig::default`]. Comes with the draft model, if one is to be fetched.
pub(super) fn read(
    path: &str,
    node: &Node,
    folder: &Path,
    faults: &mut Faults,
) -> (EngineConfig, Option<DraftModelSpec>) {
    let default = EngineConfig::default();
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let speculation_path = keys.path("speculation");
    let speculation = keys
        .node("speculation")
        .and_then(|node| speculation::read(&speculation_path, node, folder, f));
    let (speculation, draft_model) = match speculation {
        None => (default.speculation, None),
        Some(SpeculationSection::Known(speculation)) => (Some(speculation), None),
        Some(SpeculationSection::Draft(draft_model)) => (None, Some(draft_model)),
    };
    let config = EngineConfig {
        kv_cache_bytes: keys
            .take("kv_cache", f, read::size(ByteSize(1 << 20)))
            .unwrap_or(default.kv_cache_bytes),
        max_model_len: keys
            .take("max_model_len", f, read::integer(1..=usize::MAX))
            .or(default.max_model_len),
        max_num_seqs: keys
            .take("max_num_seqs", f, read::integer(1..=65_536_usize))
            .unwrap_or(default.max_num_seqs),
        max_num_batched_tokens: keys
            .take(
                "max_num_batched_tokens",
                f,
                read::integer(1..=1_048_576_usize),
            )
            .unwrap_or(default.max_num_batched_tokens),
        target_itl: keys
            .take("target_itl_s", f, read::seconds(0.001..=3600.0))
            .unwrap_or(default.target_itl),
        max_requests: keys
            .take("max_requests", f, read::integer(1..=1_048_576_usize))
            .unwrap_or(default.max_requests),
        enable_prefix_caching: keys
            .take("enable_prefix_caching", f, read::boolean)
            .unwrap_or(default.enable_prefix_caching),
        kv_tiers: keys
            .node("kv_tiers")
            .and_then(|node| kv_tiers(&format!("{path}.kv_tiers"), node, folder, f))
            .or(default.kv_tiers),
        speculation,
        device: keys.take("device", f, device).unwrap_or(default.device),
        threads: keys
            .take("threads", f, read::integer(1..=1024_usize))
            .and_then(NonZeroUsize::new)
            .or(default.threads),
        activations: keys
            .take("activations", f, activations)
            .unwrap_or(default.activations),
        kv_cache_dtype: keys
            .take("kv_cache_dtype", f, kv_cache_dtype)
            .unwrap_or(default.kv_cache_dtype),
        packed_weights: keys
            .take("packed_weights", f, read::text)
            .map(|place| folder.join(place))
            .or(default.packed_weights),
        isa: keys.take("isa", f, isa).or(default.isa),
    };
    if config.max_num_batched_tokens < config.max_num_seqs {
        let message = format!(
            "`{}` must not be below `max_num_seqs`, {}, but is {}",
            keys.path("max_num_batched_tokens"),
            config.max_num_seqs,
            config.max_num_batched_tokens
        );
        let at = keys
            .node("max_num_batched_tokens")
            .map_or_else(|| keys.at(), |node| node.at);
        f.note(at, message);
    }
    keys.finish(f);
    (config, draft_model)
}

/// Reads `kv_tiers`.
fn kv_tiers(path: &str, node: &Node, folder: &Path, f: &mut Faults) -> Option<KvTiersConfig> {
    let mut keys = Section::open(path, node, f);
    let ram = keys.require("ram", "ram: 1GiB", f, read::size(ByteSize(1 << 20)));
    let disk_path = keys.path("disk");
    let disk = keys
        .node("disk")
        .map(|node| disk_tier(&disk_path, node, folder, f));
    keys.finish(f);
    Some(KvTiersConfig {
        ram_bytes: ram?,
        disk: disk.flatten(),
    })
}

fn disk_tier(path: &str, node: &Node, folder: &Path, f: &mut Faults) -> Option<DiskTierConfig> {
    let mut keys = Section::open(path, node, f);
    let place = keys.require("path", "path: kv", f, read::text);
    let size = keys.require("size", "size: 10GiB", f, read::size(ByteSize(1 << 20)));
    keys.finish(f);
    Some(DiskTierConfig {
        path: folder.join(place?),
        bytes: size? as u64,
    })
}

fn device(node: &Node) -> Result<Device, read::Expected> {
    let expected = || "cpu, cuda or cuda:N".to_owned();
    let text = read::text(node).map_err(|_| expected())?;
    let ordinal = match text.as_str() {
        "cpu" => return Ok(Device::Cpu),
        "cuda" => return Ok(Device::Cuda { ordinal: 0 }),
        other => other.strip_prefix("cuda:").and_then(|n| n.parse().ok()),
    };
    let cuda = |ordinal| Device::Cuda { ordinal };
    ordinal.map(cuda).ok_or_else(expected)
}

fn activations(node: &Node) -> Result<Activations, read::Expected> {
    match read::text(node).as_deref() {
        Ok("int16") => Ok(Activations::Int16),
        Ok("mixed") => Ok(Activations::Mixed),
        Ok("int8") => Ok(Activations::Int8),
        _ => Err("int16, mixed or int8".to_owned()),
    }
}

fn isa(node: &Node) -> Result<Isa, read::Expected> {
    match read::text(node).as_deref() {
        Ok("portable") => Ok(Isa::Portable),
        Ok("avx2") => Ok(Isa::Avx2),
        Ok("avx512_vnni") => Ok(Isa::Avx512Vnni),
        Ok("amx") => Ok(Isa::Amx),
        _ => Err("portable, avx2, avx512_vnni or amx".to_owned()),
    }
}

fn kv_cache_dtype(node: &Node) -> Result<KvCacheDtype, read::Expected> {
    match read::text(node).as_deref() {
        Ok("f16") => Ok(KvCacheDtype::F16),
        Ok("int8") => Ok(KvCacheDtype::Int8),
        _ => Err("f16 or int8".to_owned()),
    }
}
