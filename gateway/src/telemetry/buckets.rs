//! Bounds of the histograms' buckets. Those of the `gen_ai_` metrics are OpenTelemetry's advice for
//! generative AI metrics.

use super::names::{
    DEPLOYMENT_LATENCY, E2E, GEN_AI_DURATION, GEN_AI_TOKENS, GEN_AI_TPOT, GEN_AI_TTFT, ITL,
    QUEUE_TIME, TTFT,
};

const FIRST_TOKEN: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0,
];
const PER_TOKEN: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
    5.0,
];
const WHOLE: &[f64] = &[
    0.05, 0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0,
    120.0, 240.0, 480.0, 960.0,
];
const DURATION: &[f64] = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
];

/// Upper bounds for each histogram.
pub(super) const BUCKETS: &[(&str, &[f64])] = &[
    (TTFT, FIRST_TOKEN),
    (ITL, PER_TOKEN),
    (E2E, WHOLE),
    (QUEUE_TIME, FIRST_TOKEN),
    (DEPLOYMENT_LATENCY, FIRST_TOKEN),
    (GEN_AI_TTFT, FIRST_TOKEN),
    (GEN_AI_TPOT, PER_TOKEN),
    (GEN_AI_DURATION, DURATION),
    (GEN_AI_TOKENS, TOKENS),
];
