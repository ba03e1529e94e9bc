//! How much a replica reserves.

use std::fmt;

/// Parts of one CPU or GPU that are told apart.
const PARTS: u64 = 10_000;

/// An amount of CPUs or of GPUs, in ten-thousandths, so that sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u64);

/// What one replica reserves. Default: nothing.
///
/// (Ray Serve reserves one CPU for each replica that says nothing. Its replicas are processes; here
/// they are tasks that share the server's threads, and one that waits for an answer from elsewhere
/// costs next to nothing.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPUs.
    pub cpus: Share,
    /// GPUs: a part of one, or whole ones.
    pub gpus: Share,
}

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// One CPU or GPU.
    pub const ONE: Self = Self(PARTS);
    /// More than any machine has.
    const MOST: f64 = 1e6;

    /// Rounds to ten-thousandths. `None` unless it is from 0 to a million.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the range was proved"
    )]
    pub fn new(amount: f64) -> Option<Self> {
        (0.0..=Self::MOST)
            .contains(&amount)
            .then(|| Self((amount * PARTS as f64).round() as u64))
    }

    /// So many whole ones.
    pub fn whole(count: usize) -> Self {
        Self(u64::try_from(count).unwrap_or(u64::MAX / PARTS) * PARTS)
    }

    /// How many, if it is a whole number.
    pub fn as_whole(self) -> Option<usize> {
        (self.0.is_multiple_of(PARTS)).then(|| usize::try_from(self.0 / PARTS).ok())?
    }

    /// Whether it is nothing.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Resources {
    /// Whether nothing is reserved.
    pub fn is_none(&self) -> bool {
        self.cpus.is_none() && self.gpus.is_none()
    }
}

impl fmt::Display for Share {
    #[expect(clippy::cast_precision_loss, reason = "below 2^53 for any machine")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 as f64 / PARTS as f64)
    }
}

impl fmt::Display for Resources {
    /// `0.5 CPUs and 1 GPUs`, what is nothing left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cpus.is_none(), self.gpus.is_none()) {
            (_, true) => write!(f, "{} CPUs", self.cpus),
            (true, false) => write!(f, "{} GPUs", self.gpus),
            (false, false) => write!(f, "{} CPUs and {} GPUs", self.cpus, self.gpus),
        }
    }
}
