//! [`StepCost`]: least squares over recent steps.
//!
//! A step's time is taken for a sum of non-negative costs: a constant one (the weights are read once
//! whatever there is to compute), one for each token, for each row of logits, for each cached
//! position that is read and for each pair that attention multiplies. Their values minimise the
//! relative errors of recent steps, older ones counting less (recursive least squares with
//! exponential forgetting: Haykin, Adaptive Filter Theory, chapter on RLS), with these safeguards:
//!
//! - Steps that only decode and steps that read prompts are forgotten apart, each at its own pace:
//!   a thousand decode steps say nothing about prompts and must not wash out what is known of them.
//! - A weak pull to a prior settles what the steps cannot tell apart. The prior knows proportions
//!   only; the first step gives it its scale.
//! - A step counts as at most 4 times faster or slower than predicted, so that one hiccup of the
//!   machine is felt for a few steps and a lasting change is learnt within some ten.
//! - How far predictions are off is averaged as well, and a cautious estimate adds it, as TCP's
//!   retransmission timer does (Jacobson, 1988).

use crate::step_cost::work::{FEATURES, Work};

/// What is known of a step's time.
#[derive(Debug, Clone)]
pub(crate) struct StepCost {
    /// Seconds that one of each feature costs, before any but the first step was measured; `None`
    /// before that one.
    prior: Option<[f64; FEATURES]>,
    /// What each costs, in multiples of the prior.
    theta: [f64; FEATURES],
    /// Sums over steps that only decoded, and over those that read prompts.
    decode: Moments,
    mixed: Moments,
    /// Average relative error of the predictions.
    deviation: f64,
}

/// A prediction that can be asked many times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// Seconds that one of each feature costs.
    costs: [f64; FEATURES],
    /// What predictions are multiplied by to be cautious: 1 and more.
    margin: f64,
}

/// Sums of products, older ones decayed.
#[derive(Debug, Clone, Default)]
struct Moments {
    xx: [[f64; FEATURES]; FEATURES],
    xy: [f64; FEATURES],
}

/// Proportions of the costs for a small model on a CPU.
const PROPORTIONS: [f64; FEATURES] = [10.0, 1.0, 0.2, 0.002, 0.001];
/// What a step's weight is multiplied by with each later step of its kind.
const MEMORY: f64 = 1.0 - 1.0 / 8.0;
/// A measured step counts as at most this many times its prediction, and at least one part of it.
const CLIP: f64 = 4.0;
/// Weight of the prior beside steps that weigh 1.
const PULL: f64 = 1e-3;
/// Least cost, in multiples of the prior: no cost is ever believed to be nothing.
const FLOOR: f64 = 1e-4;
/// Share of the latest error in the average.
const NEWEST: f64 = 1.0 / 8.0;
/// Sweeps over the coefficients in each step; each begins where the last one ended.
const SWEEPS: usize = 8;

impl StepCost {
    /// Nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            prior: None,
            theta: [1.0; FEATURES],
            decode: Moments::default(),
            mixed: Moments::default(),
            deviation: 0.0,
        }
    }

    /// A step that computed `work` took so many seconds. What cannot be (zero, negative, not finite,
    /// an empty step) is ignored.
    pub(crate) fn observe(&mut self, work: &Work, seconds: f64) {
        if work.tokens == 0 || !seconds.is_finite() || seconds <= 0.0 {
            return;
        }
        let features = work.features();
        let prior = *self.prior.get_or_insert_with(|| {
            let scale = seconds / dot(&PROPORTIONS, &features);
            PROPORTIONS.map(|p| p * scale)
        });
        let shares = multiply(&prior, &features);
        let predicted = dot(&self.theta, &shares);
        let ratio = (seconds / predicted).clamp(1.0 / CLIP, CLIP);
        self.deviation += NEWEST * ((ratio - 1.0).abs() - self.deviation);
        let moments = match work.is_decode_only() {
            true => &mut self.decode,
            false => &mut self.mixed,
        };
        moments.add(&shares.map(|share| share / predicted), ratio);
        self.solve();
    }

    /// Predictions as of now; `None` before the first step was measured.
    pub(crate) fn estimate(&self) -> Option<Estimate> {
        let costs = multiply(&self.prior?, &self.theta);
        Some(Estimate {
            costs,
            margin: 1.0 + self.deviation.min(1.0),
        })
    }

    /// Moves the coefficients to the least squares by coordinate descent, which keeps each at or
    /// above its floor.
    fn solve(&mut self) {
        for _ in 0..SWEEPS {
            for i in 0..FEATURES {
                let mut rest = PULL + self.decode.xy[i] + self.mixed.xy[i];
                for k in (0..FEATURES).filter(|&k| k != i) {
                    rest -= (self.decode.xx[i][k] + self.mixed.xx[i][k]) * self.theta[k];
                }
                let own = PULL + self.decode.xx[i][i] + self.mixed.xx[i][i];
                self.theta[i] = (rest / own).max(FLOOR);
            }
        }
    }
}

impl Estimate {
    /// Seconds that a step with this work will take on average.
    pub(crate) fn seconds(&self, work: &Work) -> f64 {
        dot(&self.costs, &work.features())
    }

    /// Seconds that computing `count` positions from `start` on adds to a step.
    pub(crate) fn added_seconds(&self, start: usize, count: usize) -> f64 {
        let none = Work::default();
        self.seconds(&none.with(start, count, 0)) - self.seconds(&none)
    }

    /// Seconds that it will rarely exceed.
    pub(crate) fn cautious_seconds(&self, work: &Work) -> f64 {
        self.margin * self.seconds(work)
    }
}

impl Moments {
    fn add(&mut self, x: &[f64; FEATURES], y: f64) {
        for i in 0..FEATURES {
            self.xy[i] = MEMORY * self.xy[i] + x[i] * y;
            for k in 0..FEATURES {
                self.xx[i][k] = MEMORY * self.xx[i][k] + x[i] * x[k];
            }
        }
    }
}

fn dot(a: &[f64; FEATURES], b: &[f64; FEATURES]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn multiply(a: &[f64; FEATURES], b: &[f64; FEATURES]) -> [f64; FEATURES] {
    std::array::from_fn(|i| a[i] * b[i])
}
