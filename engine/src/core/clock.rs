//! [`Clock`]: how the loop knows how long its steps take.

use std::fmt;
use std::time::Duration;

/// Tells the time since some moment in the past, and never goes back. Passed in, so that tests and
/// the simulation have their own.
pub(crate) struct Clock(Box<dyn Fn() -> Duration + Send>);

impl Clock {
    /// A clock that shows what `now` says.
    pub(crate) fn new(now: impl Fn() -> Duration + Send + 'static) -> Self {
        Self(Box::new(now))
    }

    /// A clock by which nothing takes any time.
    #[cfg(test)]
    pub(crate) fn stopped() -> Self {
        Self::new(|| Duration::ZERO)
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}
