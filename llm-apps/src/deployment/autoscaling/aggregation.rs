//! `aggregation_function`: how the ongoing requests of a window become one number.

use std::fmt;
use std::str::FromStr;

use super::fault::AutoscalingFault;

/// What is taken of the sum of all sources over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregation {
    /// The mean, each value weighted by how long it held.
    #[default]
    Mean,
    /// The largest value: scales up for peaks.
    Max,
    /// The smallest value: scales up only for what never went away.
    Min,
}

impl FromStr for Aggregation {
    type Err = AutoscalingFault;

    /// Reads `mean`, `max` or `min`, in any case as Ray does.
    fn from_str(text: &str) -> Result<Aggregation, AutoscalingFault> {
        [Aggregation::Mean, Aggregation::Max, Aggregation::Min]
            .into_iter()
            .find(|a| text.eq_ignore_ascii_case(a.name()))
            .ok_or_else(|| AutoscalingFault::UnknownAggregation {
                value: text.to_owned(),
            })
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Aggregation {
    /// The name in the YAML.
    pub fn name(self) -> &'static str {
        match self {
            Aggregation::Mean => "mean",
            Aggregation::Max => "max",
            Aggregation::Min => "min",
        }
    }
}
