//! The two things that come from outside each request: chance and the calendar. They are passed in,
//! so that a test's transcript is the same every time.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// Where ids, seeds and creation times come from.
pub struct Edge {
    random: Box<dyn Fn() -> u128 + Send + Sync>,
    unix_time: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Edge {
    /// The operating system's randomness and clock.
    pub fn system() -> Self {
        let seconds = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |d| d.as_secs())
        };
        Self::new(|| Uuid::new_v4().as_u128(), seconds)
    }

    /// Another source of 128 random bits and of seconds since 1970.
    pub fn new(
        random: impl Fn() -> u128 + Send + Sync + 'static,
        unix_time: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            random: Box::new(random),
            unix_time: Box::new(unix_time),
        }
    }

    /// A fresh id such as `chatcmpl-0f1e...`.
    pub(crate) fn id(&self, prefix: &str) -> String {
        let bits = (self.random)().to_be_bytes();
        format!("{prefix}{}", uuid::Builder::from_random_bytes(bits).into_uuid().simple())
    }

    /// A seed for a request that brings none.
    pub(crate) fn seed(&self) -> u64 {
        // A version-4 UUID has fixed bits: version in the high half, variant in the low one. They
        // stand at different places, so the halves folded together are random throughout.
        let bits = (self.random)();
        u64::try_from((bits >> 64) ^ (bits & u128::from(u64::MAX))).unwrap_or_default()
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        (self.unix_time)()
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").finish_non_exhaustive()
    }
}
