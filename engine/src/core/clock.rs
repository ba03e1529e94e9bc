//! How the loop reads the time: through a function that it is given.

use std::fmt;
use std::time::Duration;

/// Says how much time has passed since some moment of its own.
pub(crate) struct Clock(Box<dyn Fn() -> Duration + Send>);

impl Clock {
    /// A clock that reads `now`, which never goes back.
    pub(crate) fn new(now: impl Fn() -> Duration + Send + 'static) -> Self {
        Self(Box::new(now))
    }

    /// A clock by which nothing takes any time.
    pub(crate) fn stopped() -> Self {
        Self::new(|| Duration::ZERO)
    }

    /// The time.
    pub(crate) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}
