//! When a replica that ended is started again.

use std::time::Duration;

/// How long the first start after an end waits.
const FIRST: Duration = Duration::from_millis(100);
/// How long a start waits at most.
const LONGEST: Duration = Duration::from_secs(30);
/// A life this many times as long as the wait before it was a healthy one.
const HEALTHY: u32 = 10;
/// A life that is no shorter was healthy, whatever the wait was.
const LONG_LIFE: Duration = Duration::from_secs(60);
/// After so many short lives in a row it is said that the replica does not stay up.
const CRASH_LOOP: u32 = 5;

/// The short lives of a replica so far.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    short_lives: u32,
    waited: Duration,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Restart {
    /// How long to wait.
    pub(super) after: Duration,
    /// Whether it ends again and again.
    pub(super) is_crash_loop: bool,
}

impl Backoff {
    /// The replica ended; it had been ready for `lived`. Waits double with each short life, so that a
    /// replica that cannot live does not take the machine, and one that was killed is soon back.
    pub(super) fn ended(&mut self, lived: Duration) -> Restart {
        let healthy = (self.waited.max(FIRST) * HEALTHY).min(LONG_LIFE);
        if lived >= healthy {
            self.short_lives = 0;
        }
        let doubled = FIRST.saturating_mul(1 << self.short_lives.min(16));
        self.short_lives = self.short_lives.saturating_add(1);
        self.waited = doubled.min(LONGEST);
        Restart {
            after: self.waited,
            is_crash_loop: self.short_lives > CRASH_LOOP,
        }
    }
}
