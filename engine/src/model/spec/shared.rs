//! Small rules that both ways of writing a spec share.

use crate::model::ModelError;

/// The width of a head where the description leaves it out.
pub(super) fn head_dim_of(hidden: usize, heads: usize) -> Result<usize, ModelError> {
    match hidden.checked_rem(heads) {
        Some(0) => Ok(hidden / heads),
        Some(_) | None => Err(ModelError::spec(
            "number of heads",
            format!("must divide the hidden size {hidden}, but is {heads}"),
        )),
    }
}

/// A model with a sliding window is run up to the window's length, where the window and full
/// attention see the same.
pub(super) fn cap_to_window(max_positions: usize, window: usize, notes: &mut Vec<String>) -> usize {
    if window >= max_positions {
        return max_positions;
    }
    notes.push(format!(
        "the context is limited to the attention's sliding window: {window} tokens of \
         {max_positions}"
    ));
    window
}

/// 1 / sqrt(size): the usual factor on attention's products.
pub(super) fn inverse_root(size: usize) -> f32 {
    1.0 / root(size)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
pub(super) fn root(size: usize) -> f32 {
    (size as f32).sqrt()
}
