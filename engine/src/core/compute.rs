//! A plan goes through the model, and its logits through the samplers.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::batch::{BatchPlan, SequenceId};
use crate::core::generation::Generation;
use crate::error::EngineError;
use crate::model::Forward;
use crate::sampler::Sampled;

/// Computes `plan` and samples: an entry for each of its sequences, empty where the gap is not yet
/// closed or nothing more is to be said.
///
/// # Errors
/// [`EngineError::Model`] when the model fails, panics, or answers other rows than were asked for.
/// What the generations of the plan have read by then is undefined: they must end.
pub(super) fn compute(
    model: &mut dyn Forward,
    plan: &BatchPlan,
    generations: &mut BTreeMap<SequenceId, Generation>,
    eos: &[u32],
) -> Result<Vec<Vec<Sampled>>, EngineError> {
    if plan.is_empty() {
        return Ok(Vec::new());
    }
    // Of what a panic may leave half-changed, the generations of the plan end; and a block that a
    // sequence of the plan was writing is not in the prefix index yet.
    let computed = catch_unwind(AssertUnwindSafe(|| forward(model, plan, generations, eos)));
    computed.unwrap_or_else(|panic| Err(EngineError::Model(panic_message(&*panic))))
}

fn forward(
    model: &mut dyn Forward,
    plan: &BatchPlan,
    generations: &mut BTreeMap<SequenceId, Generation>,
    eos: &[u32],
) -> Result<Vec<Vec<Sampled>>, EngineError> {
    let failed = |error| EngineError::Model(format!("{error}"));
    let mut logits = model.forward(plan).map_err(failed)?;
    let (got, wanted) = (logits.len(), plan.num_logit_rows());
    if got != wanted {
        return Err(EngineError::Model(format!(
            "{got} rows of logits came back where {wanted} were asked for"
        )));
    }
    let mut first = 0;
    let mut sampled = Vec::with_capacity(plan.sequences.len());
    for scheduled in &plan.sequences {
        let generation = generations.get_mut(&scheduled.id);
        let read = generation.map(|g| g.read(scheduled, &mut logits, first, eos));
        sampled.push(read.unwrap_or_default());
        first += scheduled.num_logit_rows();
    }
    Ok(sampled)
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.as_deref().unwrap_or("no message"))
}
