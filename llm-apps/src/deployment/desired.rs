//! What the owner of a deployment asks for.

use super::autoscaling::Decision;
use super::blueprint::Blueprint;
use super::config::DeploymentConfig;

/// Written by the owner, read by the keeper.
pub(super) struct Desired<I, O> {
    pub(super) config: DeploymentConfig,
    pub(super) blueprint: Blueprint<I, O>,
    pub(super) deleting: bool,
    /// What a planner decided and the keeper has not seen.
    pub(super) planned: Option<Decision>,
    /// Counts what was asked for.
    pub(super) generation: u64,
}

impl<I: Send + 'static, O: Send + 'static> Desired<I, O> {
    pub(super) fn new(config: DeploymentConfig, blueprint: Blueprint<I, O>) -> Self {
        Self {
            config,
            blueprint,
            deleting: false,
            planned: None,
            generation: 0,
        }
    }

    /// Whether it is another wish than before.
    pub(super) fn update(&mut self, config: DeploymentConfig, blueprint: Blueprint<I, O>) -> bool {
        let same = self.config == config && self.blueprint.version() == blueprint.version();
        if !same {
            self.config = config;
            self.blueprint = blueprint;
            self.generation += 1;
        }
        !same
    }
}
