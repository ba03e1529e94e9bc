//! How many come in a second.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Counts arrivals over the last minute, by the second.
#[derive(Debug)]
pub struct Rate {
    began: Instant,
    seconds: Mutex<VecDeque<(u64, u32)>>,
}

/// Seconds that are looked at.
const WINDOW: u64 = 60;
/// The least time that a rate is taken of: one request right after the start is not one a second.
const LEAST: f64 = 10.0;

impl Rate {
    /// Nobody has come yet.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            seconds: Mutex::default(),
        }
    }

    /// One comes at `now`.
    pub fn note(&self, now: Instant) {
        let second = now.duration_since(self.began).as_secs();
        let mut seconds = self.seconds.lock();
        match seconds.back_mut() {
            Some((last, count)) if *last >= second => *count = count.saturating_add(1),
            _ => seconds.push_back((second, 1)),
        }
        while let Some((first, _)) = seconds.front()
            && first + WINDOW <= second
        {
            seconds.pop_front();
        }
    }

    /// Arrivals a second, over the last minute or since the beginning.
    pub fn per_second(&self, now: Instant) -> f64 {
        let age = now.duration_since(self.began);
        let from = (age.as_secs() + 1).saturating_sub(WINDOW);
        let seconds = self.seconds.lock();
        let counted = seconds.iter().filter(|(second, _)| *second >= from);
        let count: f64 = counted.map(|(_, count)| f64::from(*count)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a minute")]
        let window = WINDOW as f64;
        count / age.as_secs_f64().clamp(LEAST, window)
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self::new()
    }
}
