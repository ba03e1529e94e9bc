//! Times as a mean and a variance, and percentiles by the log-normal law that has these two.
//!
//! Latencies are positive and lean to the right, for which the log-normal law is the usual stand-in
//! (Law, *Simulation Modeling and Analysis*, section 6.2.2). Its two parameters follow in closed form
//! from a mean and a 95th percentile, and from a mean and a variance, so that times can be measured
//! as percentiles, summed as moments, and promised as percentiles again.

use std::time::Duration;

/// The standard normal law's 95th percentile.
const Z95: f64 = 1.644_853_626_951_472_2;

/// What was measured of a time: of requests of the last minute or so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceTimes {
    /// Its mean.
    pub mean: Duration,
    /// Its 95th percentile.
    pub p95: Duration,
}

/// A time's mean in seconds and variance in seconds².
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// Seconds.
    pub mean: f64,
    /// Seconds².
    pub variance: f64,
}

impl From<ServiceTimes> for Moments {
    /// The moments of the log-normal law with this mean and this 95th percentile. A percentile below
    /// the mean counts as the mean, and one that no such law has (beyond 3.87 means) as the largest.
    fn from(times: ServiceTimes) -> Moments {
        let (mean, p95) = (times.mean.as_secs_f64(), times.p95.as_secs_f64());
        if mean <= 0.0 {
            return Moments::default();
        }
        // p95 / mean = exp(z s - s²/2), solved for the smaller s.
        let log_ratio = (p95 / mean).max(1.0).ln();
        let sigma = Z95 - (Z95 * Z95 - 2.0 * log_ratio).max(0.0).sqrt();
        Moments {
            mean,
            variance: mean * mean * (sigma * sigma).exp_m1(),
        }
    }
}

impl Moments {
    /// The sum of two independent times.
    #[must_use]
    pub fn plus(self, other: Moments) -> Moments {
        Moments {
            mean: self.mean + other.mean,
            variance: self.variance + other.variance,
        }
    }

    /// This time spent `visits` times a request in the mean: less than once by requests that pass or
    /// do not pass by, more than once by loops, whose turns are independent.
    #[must_use]
    pub fn times(self, visits: f64) -> Moments {
        let chance = visits.min(1.0);
        let spread = self.mean * self.mean * chance * (1.0 - chance);
        Moments {
            mean: self.mean * visits,
            variance: self.variance * visits + spread,
        }
    }

    /// The variance in units of the squared mean; 0 for no time at all.
    pub fn squared_variation(self) -> f64 {
        if self.mean > 0.0 {
            self.variance / (self.mean * self.mean)
        } else {
            0.0
        }
    }

    /// The 95th percentile in seconds, of the log-normal law with these moments.
    pub fn p95(self) -> f64 {
        let log_variance = self.squared_variation().ln_1p();
        self.mean * (Z95 * log_variance.sqrt() - log_variance / 2.0).exp()
    }
}
