//! What a row more in a step costs, from how long steps took.
//!
//! Few rows cost little more than one, because a step reads all weights once whatever it computes;
//! how little depends on the machine, the weights and the kernels, so it is measured while serving.

/// Steps of up to so many rows are told apart.
const MOST_ROWS: usize = 128;
/// Share of a new step in the running mean of its number of rows.
const WEIGHT: f64 = 0.125;
/// A step that took so many times longer than its like says something about the machine, not about
/// its rows.
const OUTLIER: f64 = 2.0;
/// Cost of a row, as a share of a step with one row, before two numbers of rows were measured.
const UNKNOWN: f64 = 0.15;
/// The least such share. Measurements are noisy, and no row is free.
const LEAST: f64 = 0.01;

/// Running means of step times by number of rows.
#[derive(Debug, Clone)]
pub(super) struct StepCosts {
    /// Seconds for steps of `i` rows; 0 where none was seen.
    seconds: Vec<f64>,
}

/// Seconds of a step as a line over its rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CostLine {
    /// What a step costs beside its rows.
    pub(super) fixed: f64,
    /// What each row costs.
    pub(super) row: f64,
}

impl StepCosts {
    /// Nothing was measured yet.
    pub(super) fn new() -> Self {
        Self {
            seconds: vec![0.0; MOST_ROWS + 1],
        }
    }

    /// A step of `rows` rows took so many seconds.
    pub(super) fn learn(&mut self, rows: usize, seconds: f64) {
        let Some(mean) = self.seconds.get_mut(rows) else {
            return;
        };
        if *mean == 0.0 {
            *mean = seconds;
        } else {
            *mean += WEIGHT * (seconds.min(OUTLIER * *mean) - *mean);
        }
    }

    /// The line around `rows` rows: the least squares over what was measured up to four times as
    /// many.
    pub(super) fn around(&self, rows: usize) -> CostLine {
        let most = rows.saturating_mul(4).saturating_add(16);
        let measured = self.seconds.iter().enumerate().take(most + 1);
        let measured: Vec<(f64, f64)> = measured
            .filter(|(_, seconds)| **seconds > 0.0)
            .map(|(rows, seconds)| (rows as f64, *seconds))
            .collect();
        let count = measured.len().max(1) as f64;
        let (rows_sum, seconds_sum) =
            measured.iter().fold((0.0, 0.0), |(a, b), (rows, seconds)| {
                (a + rows, b + seconds)
            });
        let (x, y) = (rows_sum / count, seconds_sum / count);
        let (spread, both) = measured.iter().fold((0.0, 0.0), |(a, b), (rows, seconds)| {
            (a + (rows - x) * (rows - x), b + (rows - x) * (seconds - y))
        });
        if y <= 0.0 {
            // The unit is of no matter where nothing else is measured in it.
            return CostLine {
                fixed: 1.0 - UNKNOWN,
                row: UNKNOWN,
            };
        }
        if spread <= 0.0 {
            // y = fixed + x * row, with row = UNKNOWN * (fixed + row).
            let one = y / (1.0 + UNKNOWN * (x - 1.0));
            return CostLine {
                fixed: one * (1.0 - UNKNOWN),
                row: one * UNKNOWN,
            };
        }
        let row = (both / spread).clamp(LEAST * y / x.max(1.0), y / x.max(1.0));
        CostLine {
            fixed: y - row * x,
            row,
        }
    }
}

impl CostLine {
    /// Seconds of a step of so many rows.
    pub(super) fn of(self, rows: usize) -> f64 {
        self.fixed + self.row * rows as f64
    }
}
