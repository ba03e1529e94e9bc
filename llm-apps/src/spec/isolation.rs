//! `isolation` and `workers`: whether a model's engine lives in processes of its own, and how they are kept.

use std::num::NonZeroUsize;

use super::fault::Faults;
use super::node::Node;
use super::read;
use super::section::Section;
use crate::remote::ReplicasConfig;

/// Replicas of one model at most.
const MOST_REPLICAS: usize = 64;

/// Reads both keys of a model; `None` is an engine in the server's own process.
pub(super) fn read(keys: &mut Section<'_>, f: &mut Faults) -> Option<ReplicasConfig> {
    let is_process = keys.take("isolation", f, isolation).unwrap_or(false);
    let path = keys.path("workers");
    let Some(node) = keys.node("workers") else {
        return is_process.then(ReplicasConfig::default);
    };
    let config = workers(&path, node, f);
    if !is_process {
        let message =
            format!("`{path}` says how processes are kept; write `isolation: process` too");
        f.note(node.at, message);
    }
    is_process.then_some(config)
}

fn workers(path: &str, node: &Node, f: &mut Faults) -> ReplicasConfig {
    let default = ReplicasConfig::default();
    let mut keys = Section::open(path, node, f);
    let config = ReplicasConfig {
        replicas: keys
            .take("replicas", f, read::integer(1..=MOST_REPLICAS))
            .and_then(NonZeroUsize::new)
            .unwrap_or(default.replicas),
        heartbeat_timeout: keys
            .take("heartbeat_timeout_s", f, read::seconds(1.0..=3600.0))
            .unwrap_or(default.heartbeat_timeout),
        stall_timeout: keys
            .take("stall_timeout_s", f, read::seconds(1.0..=86_400.0))
            .unwrap_or(default.stall_timeout),
        failover_timeout: keys
            .take("failover_timeout_s", f, read::seconds(0.0..=86_400.0))
            .unwrap_or(default.failover_timeout),
    };
    keys.finish(f);
    config
}

fn isolation(node: &Node) -> Result<bool, read::Expected> {
    match read::text(node).as_deref() {
        Ok("none") => Ok(false),
        Ok("process") => Ok(true),
        _ => Err("none or process".to_owned()),
    }
}
