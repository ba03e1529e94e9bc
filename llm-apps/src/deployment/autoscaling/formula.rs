//! Ray Serve's formula: from ongoing requests to wanted replicas, before delay and bounds.

use super::config::AutoscalingConfig;
use super::number::ceil;

/// What the formula says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Requests wait and nothing runs: this many replicas, without any delay.
    ColdStart(u32),
    /// Nothing runs and nothing waits: the target stays.
    Idle,
    /// This many replicas, once that was wanted for long enough.
    Replicas(u32),
}

/// The replicas that `total` ongoing requests over the window, and `current` ones now, want where
/// `running` replicas run and `target` is the current target.
pub(super) fn wanted(
    config: &AutoscalingConfig,
    total: f64,
    current: f64,
    running: u32,
    target: u32,
) -> Wanted {
    if running == 0 {
        return if total > 0.0 || current > 0.0 {
            Wanted::ColdStart(ceil(config.upscaling_factor()).max(target))
        } else {
            Wanted::Idle
        };
    }
    let raw = total / config.target_ongoing_requests();
    Wanted::Replicas(with_gain(config, raw, running))
}

/// Multiplies the change from `running` to `raw` replicas by the factor of its direction.
fn with_gain(config: &AutoscalingConfig, raw: f64, running: u32) -> u32 {
    let current = f64::from(running);
    let change = raw - current;
    let factor = if change > 0.0 {
        config.upscaling_factor()
    } else {
        config.downscaling_factor()
    };
    let scaled = ceil(current + factor * change);
    // A small factor and rounding up would keep a replica too many for ever.
    if ceil(raw) < running && scaled == running {
        scaled - 1
    } else {
        scaled
    }
}
