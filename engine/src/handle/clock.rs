//! The clock of the machine, for engines that are not in a test.

#![expect(
    clippy::disallowed_types,
    reason = "the engine's edge, without an async runtime: below, time is passed in"
)]

use std::time::Instant;

use crate::core::Clock;

/// A clock that starts now.
pub(crate) fn monotonic() -> Clock {
    let start = Instant::now();
    Clock::new(move || start.elapsed())
}
