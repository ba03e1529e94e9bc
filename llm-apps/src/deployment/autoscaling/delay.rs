//! A wish for more or fewer replicas must last before it is granted.

use std::time::Duration;

/// How long a wish must last, by where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// `upscale_delay_s`.
    pub upscale: Duration,
    /// `downscale_delay_s`, for a step to 1 or more.
    pub downscale: Duration,
    /// `downscale_to_zero_delay_s`, for the step from 1 to 0.
    pub downscale_to_zero: Duration,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More replicas.
    Up,
    /// Fewer replicas.
    Down,
}

/// A wish that was not granted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Where it goes.
    pub direction: Direction,
    /// Since when it goes there without a break.
    pub since: Duration,
}

/// What becomes of a wish at this tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The target is what is wanted.
    Content,
    /// Not yet.
    Waiting {
        /// How long it was wished.
        lasted: Duration,
        /// How long it must be.
        delay: Duration,
        /// The field that says so.
        field: &'static str,
    },
    /// Now.
    Granted {
        /// The replicas that the target becomes, before bounds.
        replicas: u32,
        /// How long it was wished.
        lasted: Duration,
    },
}

impl Delays {
    /// None at all.
    pub const NONE: Self = Self {
        upscale: Duration::ZERO,
        downscale: Duration::ZERO,
        downscale_to_zero: Duration::ZERO,
    };

    /// The delay of the step from `target` downwards, and the field that holds it.
    pub(super) fn down_from(&self, target: u32) -> (Duration, &'static str) {
        if target == 1 {
            (self.downscale_to_zero, "downscale_to_zero_delay_s")
        } else {
            (self.downscale, "downscale_delay_s")
        }
    }
}

/// Moves `wish` on by one tick at which `desired` replicas are wanted and `target` is the target. The
/// wish lives as long as its direction does; what is granted is what is wanted at that tick. Zero is
/// reached from 1 only.
pub(super) fn wait(
    wish: &mut Option<Wish>,
    desired: u32,
    target: u32,
    delays: &Delays,
    now: Duration,
) -> Outcome {
    let (direction, replicas, delay, field) = if desired > target {
        (Direction::Up, desired, delays.upscale, "upscale_delay_s")
    } else if desired < target {
        let (delay, field) = delays.down_from(target);
        let floor = u32::from(target > 1);
        (Direction::Down, desired.max(floor), delay, field)
    } else {
        *wish = None;
        return Outcome::Content;
    };
    let since = match *wish {
        Some(old) if old.direction == direction => old.since,
        _ => now,
    };
    let lasted = now.saturating_sub(since);
    if lasted >= delay {
        *wish = None;
        return Outcome::Granted { replicas, lasted };
    }
    *wish = Some(Wish { direction, since });
    Outcome::Waiting {
        lasted,
        delay,
        field,
    }
}
