//! [`MoveCost`]: what it costs to copy a block instead of computing it.

/// Seconds that one block takes, averaged, the latest counting most.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct MoveCost {
    seconds: Option<f64>,
}

/// Share of the latest measurement in the average.
const NEWEST: f64 = 1.0 / 8.0;

impl MoveCost {
    /// So many blocks took so many seconds. What cannot be is ignored.
    pub(crate) fn observe(&mut self, blocks: usize, seconds: f64) {
        if blocks == 0 || !seconds.is_finite() || seconds <= 0.0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let each = seconds / blocks as f64;
        let old = self.seconds.unwrap_or(each);
        self.seconds = Some(old + NEWEST * (each - old));
    }

    /// Seconds that so many blocks take; `None` before any was measured.
    pub(crate) fn seconds(&self, blocks: usize) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let blocks = blocks as f64;
        self.seconds.map(|each| each * blocks)
    }
}
