//! A plan goes through the model, and its logits through the samplers.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;

use crate::batch::{BatchPlan, ScheduledSequence, SequenceId};
use crate::core::generation::Generation;
use crate::error::EngineError;
use crate::model::{Forward, Logits};
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
    let logits = model.forward(plan).map_err(failed)?;
    let (got, wanted) = (logits.len(), plan.num_logit_rows());
    if got != wanted {
        return Err(EngineError::Model(format!(
            "{got} rows of logits came back where {wanted} were asked for"
        )));
    }
    Ok(sample(logits, plan, generations, eos))
}

/// Reads each sequence's rows, side by side where the model lends its threads. What one says depends
/// on its own rows and history only, so neither threads nor order matter (E9).
fn sample(
    mut logits: Logits<'_>,
    plan: &BatchPlan,
    generations: &mut BTreeMap<SequenceId, Generation>,
    eos: &[u32],
) -> Vec<Vec<Sampled>> {
    // Each is locked once, by the thread that reads: a lock is how threads share what they change.
    let mut readers: Vec<_> = (plan.sequences.iter())
        .map(|scheduled| Reader {
            scheduled,
            generation: None,
            rows: logits.take_first(scheduled.num_logit_rows()),
            said: Vec::new(),
        })
        .map(Mutex::new)
        .collect();
    let id_of = |place: &usize| plan.sequences[*place].id;
    let mut places: Vec<_> = (0..readers.len()).collect();
    places.sort_unstable_by_key(id_of);
    for (id, generation) in generations {
        if let Ok(found) = places.binary_search_by_key(id, id_of) {
            readers[places[found]].get_mut().generation = Some(generation);
        }
    }
    let read = |place: usize| readers[place].lock().read(eos);
    match logits.workers() {
        Some(workers) => workers.for_each(readers.len(), &read),
        None => (0..readers.len()).for_each(read),
    }
    let said = readers.into_iter().map(|reader| reader.into_inner().said);
    said.collect()
}

/// A sequence of the plan with what belongs to it.
struct Reader<'a> {
    scheduled: &'a ScheduledSequence,
    /// `None` when it has ended meanwhile.
    generation: Option<&'a mut Generation>,
    rows: Logits<'a>,
    said: Vec<Sampled>,
}

impl Reader<'_> {
    fn read(&mut self, eos: &[u32]) {
        if let Some(generation) = &mut self.generation {
            self.said = generation.read(self.scheduled, &mut self.rows, eos);
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.as_deref().unwrap_or("no message"))
}
