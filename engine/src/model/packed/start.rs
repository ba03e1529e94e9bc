//! A model from its packed file, or packed and kept for the next time.

use super::place::PackedPlace;
use crate::kernels::{KernelError, Kernels};
use crate::model::ModelError;
use crate::model::llama::LlamaRunner;

/// Builds the runner with kernels, `taking`, that take their weights from `place`; where that cannot
/// be, with others, `packing`, that pack, and keeps what they packed. Neither a file that cannot be
/// read nor one that cannot be written stands in the way.
pub(in crate::model) fn start(
    place: &PackedPlace,
    taking: Kernels,
    packing: impl FnOnce() -> Result<Kernels, KernelError>,
    runner: impl Fn(Kernels) -> Result<LlamaRunner, ModelError>,
) -> Result<LlamaRunner, ModelError> {
    let file = place.path().display();
    match place.open(&taking) {
        Ok(None) => {}
        Ok(Some((mapped, segments))) => {
            taking.take_packed(mapped, segments);
            match runner(taking) {
                Err(error) if is_not_packed(&error) => {
                    tracing::warn!(%file, "packed weights do not fit the model and are made anew");
                    place.remove();
                }
                other => return other,
            }
        }
        Err(fault) => {
            tracing::warn!(%file, ?fault, "packed weights cannot be used and are made anew");
            place.remove();
        }
    }
    let packing = packing()?;
    packing.note_packed();
    let runner = runner(packing)?;
    let kept = runner.kernels().packed(|segments| place.save(segments));
    if let Err(error) = kept {
        tracing::warn!(%file, %error, "packed weights cannot be kept");
    }
    Ok(runner)
}

fn is_not_packed(error: &ModelError) -> bool {
    if let ModelError::File { source, .. } = error {
        return is_not_packed(source);
    }
    matches!(error, ModelError::Kernel(KernelError::NotPacked { .. }))
}
