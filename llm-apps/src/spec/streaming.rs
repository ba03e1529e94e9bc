//! Which deployment makes the answer that is read while it is made.

use super::application::ApplicationSpec;
use super::stages::StageSpec;
use super::steps::{StepKind, StepSpec};
use crate::deployment::StreamPart;
use crate::payload::names;

/// The part of each deployment, in their order. One that stands in several places, or is called by
/// another stage, is waited for.
pub(super) fn parts(application: &ApplicationSpec) -> Vec<StreamPart> {
    let mut found = vec![None; application.deployments.len()];
    let streams = application.output == names::ANSWER;
    mark(application, &application.pipeline, streams, &mut found);
    let part = |part: Option<StreamPart>| part.unwrap_or(StreamPart::Before);
    found.into_iter().map(part).collect()
}

/// Follows `steps` from their end, behind which an answer `streams` on to its reader or does not. Returns
/// whether one that comes to their beginning would.
fn mark(
    application: &ApplicationSpec,
    steps: &[StepSpec],
    mut streams: bool,
    found: &mut [Option<StreamPart>],
) -> bool {
    for step in steps.iter().rev() {
        streams = match &step.kind {
            StepKind::Call(index) => {
                let Some(deployment) = application.deployments.get(*index) else {
                    continue;
                };
                let stage = &deployment.stage;
                let (part, goes_on) = match streams {
                    true if makes_stream(stage) => (StreamPart::Streams, false),
                    true if stage.takes_stream() => (StreamPart::Behind, true),
                    _ => (StreamPart::Before, false),
                };
                let known = found[*index].is_none_or(|known| known == part);
                found[*index] = Some(if known { part } else { StreamPart::Before });
                goes_on
            }
            StepKind::Branch {
                then, otherwise, ..
            } => {
                let one = mark(application, then, streams, found);
                let other = mark(application, otherwise, streams, found);
                one || other
            }
            // They wait until the answer is complete.
            StepKind::Parallel(ways) => {
                for way in ways {
                    mark(application, way, false, found);
                }
                false
            }
            StepKind::Loop { steps, .. } => mark(application, steps, false, found),
        };
    }
    streams
}

/// Whether the stage passes its answer on while it is made.
fn makes_stream(stage: &StageSpec) -> bool {
    stage.prompt_variable().is_some() && stage.signature().writes.contains_key(names::ANSWER)
}
