//! Many durations and their percentiles, by HDR histogram.

use std::fmt::{self, Display};
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// Durations of one kind: microseconds up to an hour, within a thousandth.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latencies {
    /// Counts `times`.
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> anyhow::Result<Self> {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3)
            .context("the histogram's bounds are wrong")?;
        for time in times {
            histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
        Ok(Self(histogram))
    }

    /// All of `parts` together.
    pub(crate) fn together<'a>(parts: impl IntoIterator<Item = &'a Self>) -> anyhow::Result<Self> {
        let mut all = Self::of([])?;
        for part in parts {
            all.0.add(&part.0).context("two histograms do not fit")?;
        }
        Ok(all)
    }

    /// The percentiles; none of nothing.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        (!self.0.is_empty()).then(|| Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: self.0.max() as f64 / 1000.0,
        })
    }
}

impl Serialize for Latencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.percentiles().serialize(serializer)
    }
}

impl Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, max } = self;
        write!(f, "{p50:>9.1} {p90:>9.1} {p99:>9.1} {max:>9.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_thousandth_and_parts_add_up() {
        let of = |range: std::ops::RangeInclusive<u64>| {
            Latencies::of(range.map(Duration::from_millis)).unwrap()
        };
        let all = Latencies::together([&of(1..=60), &of(61..=100)]).unwrap();
        let found = all.percentiles().unwrap();
        assert_eq!(found, of(1..=100).percentiles().unwrap());
        for (value, expected) in [
            (found.p50, 50.0),
            (found.p90, 90.0),
            (found.p99, 99.0),
            (found.max, 100.0),
        ] {
            assert!((value / expected - 1.0).abs() < 0.001, "{value} {expected}");
        }
        assert_eq!(Latencies::of([]).unwrap().percentiles(), None);
    }
}
