//! Buffers of a step, reused by all layers and steps.

use crate::kernels::MatmulInput;
use crate::model::spec::ModelSpec;

/// Memory for the largest step. The system gives it as it is first touched.
#[derive(Debug)]
pub(super) struct Scratch {
    /// The residual stream, `[row][hidden]`.
    pub(super) hidden: Vec<f32>,
    /// What a block adds to the stream, `[row][hidden]`.
    pub(super) delta: Vec<f32>,
    /// Fused product, `[row][queries, keys, values]`.
    pub(super) qkv: Vec<f32>,
    /// `[row][query heads]`
    pub(super) q: Vec<f32>,
    /// Attention's output, `[row][query heads]`.
    pub(super) attended: Vec<f32>,
    /// Fused product, `[row][gate, up]`.
    pub(super) gate_up: Vec<f32>,
    /// Rows as products read them.
    pub(super) input: MatmulInput,
}

impl Scratch {
    /// Buffers for steps of at most `rows` rows.
    pub(super) fn new(spec: &ModelSpec, rows: usize) -> Self {
        let of = |width: usize| vec![0.0; rows * width];
        Self {
            hidden: of(spec.hidden),
            delta: of(spec.hidden),
            qkv: of(spec.q_width() + 2 * spec.kv_width()),
            q: of(spec.q_width()),
            attended: of(spec.q_width()),
            gate_up: of(2 * spec.ffn),
            input: MatmulInput::new(),
        }
    }
}
