//! How long requests wait for one of several places.
//!
//! The waiting time of M/M/c is Erlang's; Allen and Cunneen's factor (Allen, *Probability, Statistics
//! and Queueing Theory with Computer Science Applications*, 2nd ed., section 5.4) carries it over to
//! service times of any variance: with `A` places' worth of load, `c` places and load `r = A / c`,
//!
//! ```text
//!   mean wait = C(c, A) · S / (c (1 - r)) · (1 + v) / 2
//! ```
//!
//! where `S` is the mean service time, `v` its squared coefficient of variation, and requests arrive
//! independently of each other (Poisson). Who waits at all, waits for an exponential time.

use super::moments::Moments;

/// The load up to which a queue is taken for one that settles. Beyond it there is none that does:
/// what is more than this piles up.
const MOST_LOAD: f64 = 0.98;
/// For how long a pile is watched, in seconds: the wait of a queue that is offered `r` times what it
/// can do has grown by `r - 1` times this.
const HORIZON: f64 = 60.0;
/// The most places that are told apart. Waits at one load get shorter with the number of places, so
/// fewer is on the safe side; with so many, a wait is a few hundredths of a service below full load.
const MOST_PLACES: u32 = 512;

/// The share of requests that must wait, by Erlang's C formula: `places` places, of which `load`
/// (below `places`) are in use in the mean.
pub fn erlang_c(places: u32, load: f64) -> f64 {
    if load <= 0.0 {
        return 0.0;
    }
    // Erlang's B by its recursion, which neither over- nor underflows.
    let blocked = (1..=places).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    let busy = load / f64::from(places);
    blocked / (1.0 - busy * (1.0 - blocked))
}

/// The wait of requests that come `rate` times a second, occupy a place for `service`, and find
/// `places` places. It is finite, and falls with each place, beyond full load too.
pub fn wait(rate: f64, service: Moments, places: u32) -> Moments {
    if rate <= 0.0 || service.mean <= 0.0 || !rate.is_finite() {
        return Moments::default();
    }
    let busy = load(rate, service, places);
    let places = places.clamp(1, MOST_PLACES);
    let settled = busy.min(MOST_LOAD);
    let must_wait = erlang_c(places, settled * f64::from(places));
    let mean_of_waiting = service.mean / (f64::from(places) * (1.0 - settled))
        * f64::midpoint(1.0, service.squared_variation());
    let mean = must_wait * mean_of_waiting;
    Moments {
        mean: mean + (busy - settled) * HORIZON,
        // E[w²] = 2 C m² for a wait that is 0 or else exponential with mean m.
        variance: 2.0 * must_wait * mean_of_waiting * mean_of_waiting - mean * mean,
    }
}

/// The share of `places` that is in use in the mean; above 1, more is asked for than can be done.
pub fn load(rate: f64, service: Moments, places: u32) -> f64 {
    rate.max(0.0) * service.mean / f64::from(places.max(1))
}
