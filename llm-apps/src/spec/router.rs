//! `request_router_config`.

use super::fault::Faults;
use super::node::{Node, Position};
use super::read;
use super::section::Section;
use super::stages::StageSpec;
use crate::deployment::router::{PrefixAwareConfig, RouterConfig};

/// The router of a deployment, and where its variable stands in the file.
#[derive(Debug, Default)]
pub(super) struct Routing {
    pub(super) config: RouterConfig,
    at: Option<Position>,
}

const ROUTERS: &str = "pow_two, least_loaded, session or prefix_aware";

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, f: &mut Faults) -> Routing {
    let mut keys = Section::open(path, node, f);
    let router = keys.require(
        "router",
        "router: prefix_aware",
        f,
        |node| match read::text(node).as_deref() {
            Ok("pow_two") => Ok(RouterConfig::PowTwo),
            Ok("least_loaded") => Ok(RouterConfig::LeastLoaded),
            Ok("session") => Ok(RouterConfig::Session),
            Ok("prefix_aware") => Ok(RouterConfig::PrefixAware(PrefixAwareConfig::default())),
            _ => Err(format!("one of {ROUTERS}")),
        },
    );
    let config = match router {
        Some(RouterConfig::PrefixAware(default)) => {
            RouterConfig::PrefixAware(prefix_aware(&default, &mut keys, f))
        }
        Some(other) => other,
        None => {
            // Its other keys may be right.
            prefix_aware(&PrefixAwareConfig::default(), &mut keys, f);
            RouterConfig::default()
        }
    };
    let at = match config.reads_prefix() {
        true => keys.node("variable").map(|node| node.at),
        false => None,
    };
    keys.finish(f);
    Routing {
        config,
        at: at.or(Some(node.at)),
    }
}

fn prefix_aware(
    default: &PrefixAwareConfig,
    keys: &mut Section<'_>,
    f: &mut Faults,
) -> PrefixAwareConfig {
    let chars = || read::integer(1..=100_000_000_usize);
    let share = read::number("a number from 0 to 1", |v| (0.0..=1.0).contains(&v));
    let config = PrefixAwareConfig {
        imbalanced_threshold: keys
            .take("imbalanced_threshold", f, read::integer(1..=usize::MAX))
            .unwrap_or(default.imbalanced_threshold),
        match_rate_threshold: keys
            .take("match_rate_threshold", f, share)
            .unwrap_or(default.match_rate_threshold),
        eviction_threshold_chars: keys
            .take("eviction_threshold_chars", f, chars())
            .unwrap_or(default.eviction_threshold_chars),
        eviction_target_chars: keys
            .take("eviction_target_chars", f, chars())
            .unwrap_or(default.eviction_target_chars),
        variable: keys.take("variable", f, read::text),
    };
    let (target, threshold) = (
        config.eviction_target_chars,
        config.eviction_threshold_chars,
    );
    if target > threshold {
        let key = keys.node("eviction_target_chars");
        let key = key.or_else(|| keys.node("eviction_threshold_chars"));
        f.note(
            key.map_or_else(|| keys.at(), |node| node.at),
            format!(
                "`{}` is {target}, it must not be above `eviction_threshold_chars`, which is {threshold}",
                keys.path("eviction_target_chars")
            ),
        );
    }
    config
}

impl Routing {
    /// The router for a deployment that runs `stage`: one that goes by a prefix needs a variable that the
    /// stage reads, which a `generate` stage has of itself.
    pub(super) fn of(mut self, stage: &StageSpec, path: &str, f: &mut Faults) -> RouterConfig {
        let (RouterConfig::PrefixAware(config), Some(at)) = (&mut self.config, self.at) else {
            return self.config;
        };
        let reads = stage.signature().reads;
        match (&config.variable, stage.prompt_variable()) {
            (None, Some(own)) => config.variable = Some(own.to_owned()),
            (None, None) => f.note(
                at,
                format!(
                    "`{path}.request_router_config`: prefix_aware goes by the beginning of a text; say which \
                     variable holds it, for example `variable: {}`",
                    reads.keys().next().map_or("question", String::as_str)
                ),
            ),
            (Some(named), _) if !reads.contains_key(named) => {
                let reads: Vec<_> = reads.keys().map(String::as_str).collect();
                f.note(
                    at,
                    format!(
                        "`{path}.request_router_config.variable`: the stage does not read `{}`; it reads {}",
                        named.escape_debug(),
                        reads.join(", ")
                    ),
                );
            }
            (Some(_), _) => {}
        }
        self.config
    }
}
