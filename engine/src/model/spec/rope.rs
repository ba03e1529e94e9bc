//! Rotary position embeddings: frequencies, and the ways in which models stretch them.

use std::f64::consts::PI;

use crate::kernels::RopeStyle;
use crate::model::ModelError;

/// How queries and keys turn with their position (RoFormer, arXiv:2104.09864).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RopeSpec {
    /// Base of the frequencies.
    pub(crate) theta: f64,
    /// Which values of a head turn together.
    pub(crate) style: RopeStyle,
    pub(crate) scaling: RopeScaling,
}

/// How frequencies are changed for contexts longer than the pre-training's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RopeScaling {
    None,
    /// All frequencies divided by one factor (arXiv:2306.15595).
    Linear {
        factor: f64,
    },
    /// Low frequencies divided, high ones kept, a ramp between (Llama 3.1).
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_max_positions: f64,
    },
    /// A ramp over dimensions, and a scale on attention (YaRN, arXiv:2309.00071).
    Yarn {
        factor: f64,
        original_max_positions: f64,
        beta_fast: f64,
        beta_slow: f64,
        /// Scale of cosine and sine; `None` takes the paper's from the factor.
        attention_factor: Option<f64>,
    },
    /// Divisors of the frequencies, one for each pair, as GGUF files carry them.
    Divisors(Vec<f32>),
}

impl RopeSpec {
    /// Proves that frequencies will be finite, and that divisors fit the head.
    pub(super) fn prove(&self, head_dim: usize) -> Result<(), ModelError> {
        let mut numbers = vec![("rope theta", self.theta)];
        match &self.scaling {
            RopeScaling::None => {}
            RopeScaling::Linear { factor } => numbers.push(("rope scaling factor", *factor)),
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_positions,
            } => {
                numbers.push(("rope scaling factor", *factor));
                numbers.push(("rope scaling low_freq_factor", *low_freq_factor));
                numbers.push(("rope scaling high_freq_factor", *high_freq_factor));
                numbers.push(("rope scaling original context", *original_max_positions));
                if high_freq_factor <= low_freq_factor {
                    let fault = format!(
                        "must be above low_freq_factor {low_freq_factor}, but is {high_freq_factor}"
                    );
                    return Err(ModelError::spec("rope scaling high_freq_factor", fault));
                }
            }
            RopeScaling::Yarn {
                factor,
                original_max_positions,
                beta_fast,
                beta_slow,
                attention_factor,
            } => {
                numbers.push(("rope scaling factor", *factor));
                numbers.push(("rope scaling original context", *original_max_positions));
                numbers.push(("rope scaling beta_fast", *beta_fast));
                numbers.push(("rope scaling beta_slow", *beta_slow));
                numbers.extend(attention_factor.map(|x| ("rope scaling attention_factor", x)));
            }
            RopeScaling::Divisors(divisors) => {
                if divisors.len() != head_dim / 2 {
                    let fault = format!("must be {}, but is {}", head_dim / 2, divisors.len());
                    return Err(ModelError::spec("number of rope divisors", fault));
                }
                numbers.extend(divisors.iter().map(|x| ("rope divisor", f64::from(*x))));
            }
        }
        for (what, found) in numbers {
            if !(1e-6..=1e12).contains(&found) {
                let fault = format!("must be from 1e-6 to 1e12, but is {found}");
                return Err(ModelError::spec(what, fault));
            }
        }
        Ok(())
    }

    /// What each pair of values turns by from one position to the next, in radians, and the scale
    /// of cosine and sine.
    #[expect(clippy::cast_precision_loss, reason = "a head has few values")]
    pub(crate) fn frequencies(&self, head_dim: usize) -> (Vec<f32>, f32) {
        let pairs = head_dim / 2;
        let plain = (0..pairs).map(|i| self.theta.powf(-((2 * i) as f64) / head_dim as f64));
        let mut scale = 1.0;
        let scaled: Vec<f64> = match &self.scaling {
            RopeScaling::None => plain.collect(),
            RopeScaling::Linear { factor } => plain.map(|f| f / factor).collect(),
            RopeScaling::Divisors(divisors) => {
                let divided = plain.zip(divisors).map(|(f, &d)| f / f64::from(d));
                divided.collect()
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_positions,
            } => plain
                .map(|f| {
                    // Turns within the original context: few for low frequencies.
                    let turns = original_max_positions * f / (2.0 * PI);
                    let kept = (turns - low_freq_factor) / (high_freq_factor - low_freq_factor);
                    blend(f / factor, f, kept.clamp(0.0, 1.0))
                })
                .collect(),
            RopeScaling::Yarn {
                factor,
                original_max_positions,
                beta_fast,
                beta_slow,
                attention_factor,
            } => {
                scale = attention_factor.unwrap_or_else(|| yarn_attention_factor(*factor));
                let dim_of_turns = |turns: f64| {
                    let length = original_max_positions / (turns * 2.0 * PI);
                    head_dim as f64 * length.ln() / (2.0 * self.theta.ln())
                };
                let last = head_dim as f64 - 1.0;
                let low = dim_of_turns(*beta_fast).floor().max(0.0);
                let high = dim_of_turns(*beta_slow).ceil().min(last);
                let width = if high > low { high - low } else { 0.001 };
                plain
                    .enumerate()
                    .map(|(i, f)| {
                        let divided = ((i as f64 - low) / width).clamp(0.0, 1.0);
                        blend(f, f / factor, divided)
                    })
                    .collect()
            }
        };
        (scaled.into_iter().map(narrow).collect(), narrow(scale))
    }
}

/// YaRN's scale on cosine and sine: 0.1 ln(factor) + 1.
pub(super) fn yarn_attention_factor(factor: f64) -> f64 {
    if factor <= 1.0 {
        1.0
    } else {
        0.1f64.mul_add(factor.ln(), 1.0)
    }
}

fn blend(from: f64, to: f64, share: f64) -> f64 {
    from * (1.0 - share) + to * share
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernels compute with f32"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}
