//! The latencies that can be promised.

use std::fmt;

/// What an objective bounds; always the 95th percentile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Objective {
    /// `ttft_p95`: from the request to the first token.
    TimeToFirstToken,
    /// `itl_p95`: from one token to the next.
    InterTokenLatency,
    /// `total_p95`: from the request to the end of the answer.
    Total,
}

impl Objective {
    /// The field's name in the YAML.
    pub fn field(self) -> &'static str {
        match self {
            Objective::TimeToFirstToken => "ttft_p95",
            Objective::InterTokenLatency => "itl_p95",
            Objective::Total => "total_p95",
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field())
    }
}
