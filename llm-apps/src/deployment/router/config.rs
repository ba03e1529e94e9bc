//! `request_router_config`: which router a deployment has.

use super::least_loaded::LeastLoaded;
use super::pow_two::PowerOfTwoChoices;
use super::prefix_aware::{PrefixAware, PrefixAwareConfig};
use super::session::SessionAffinity;
use super::traits::RequestRouter;

/// A router and its options. Default: the power of two choices.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RouterConfig {
    /// `pow_two`: [`PowerOfTwoChoices`].
    #[default]
    PowTwo,
    /// `least_loaded`: [`LeastLoaded`].
    LeastLoaded,
    /// `session`: [`SessionAffinity`]; requests without a session go by the power of two choices.
    Session,
    /// `prefix_aware`: [`PrefixAware`]; requests without a prompt go by the power of two choices.
    PrefixAware(PrefixAwareConfig),
}

impl RouterConfig {
    /// Makes the router; it draws from `seed`.
    pub fn build(&self, seed: u64) -> Box<dyn RequestRouter> {
        let pow_two = PowerOfTwoChoices::new(seed);
        match self {
            Self::PowTwo => Box::new(pow_two),
            Self::LeastLoaded => Box::new(LeastLoaded::default()),
            Self::Session => Box::new(SessionAffinity::new(pow_two)),
            Self::PrefixAware(config) => Box::new(PrefixAware::new(config.clone(), pow_two)),
        }
    }

    /// Whether it goes by the beginning of a request's text.
    pub fn reads_prefix(&self) -> bool {
        matches!(self, Self::PrefixAware(_))
    }
}
