//! A payload goes its way.

use std::sync::Arc;
use std::task::Poll;

use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, StreamExt, stream};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::error::PipelineError;
use super::step::{Member, Pipeline, Step};
use crate::deployment::Permit;
use crate::payload::{Answer, Payload, names};
use crate::stage::Call;
use crate::template::Condition;

impl Pipeline {
    /// What comes out at the end: the variables, and the answer, which may still be being made; then
    /// the place at the replica that makes it goes with it.
    ///
    /// # Errors
    /// [`PipelineError`] of the first step that fails. Steps beside it are cancelled.
    pub async fn run(&self, payload: Payload, call: &Call) -> Result<Payload, PipelineError> {
        self.requests.note(Instant::now());
        run(&self.steps, payload, call).await
    }
}

/// Boxed, since steps hold steps.
fn run<'a>(
    steps: &'a [Step],
    mut payload: Payload,
    call: &'a Call,
) -> BoxFuture<'a, Result<Payload, PipelineError>> {
    async move {
        for step in steps {
            payload = match step {
                Step::Call(member) => ask(member, payload, call).await?,
                Step::Branch {
                    when,
                    then,
                    otherwise,
                } => {
                    let steps = if holds(when, &mut payload).await? {
                        then
                    } else {
                        otherwise
                    };
                    run(steps, payload, call).await?
                }
                Step::Parallel(ways) => beside(ways, payload, call).await?,
                Step::Loop {
                    steps,
                    until,
                    max_attempts,
                    writes,
                } => {
                    for name in writes {
                        if payload.get(name).is_none() {
                            payload.set(name, Value::Null);
                        }
                    }
                    again((steps, until, *max_attempts), payload, call).await?
                }
            };
        }
        Ok(payload)
    }
    .boxed()
}

async fn ask(member: &Member, mut payload: Payload, call: &Call) -> Result<Payload, PipelineError> {
    if !member.takes_stream {
        payload.complete().await.map_err(PipelineError::Answer)?;
    }
    let passes_on = payload.has_answer();
    let (mut payload, permit) = member.handle.open(payload, call).await?;
    if let Some(answer) = payload.take_answer() {
        let answer = answer.telling(permit, Permit::saw_text);
        // Who passes an answer on waits for who makes it, which is counted there.
        payload.set_answer(match passes_on {
            true => answer,
            false => timed(answer, Arc::from(member.handle.name()), call.clone()),
        });
    }
    Ok(payload)
}

/// The answer that `stage` makes; what its readers wait for it is counted as that stage's time.
fn timed(answer: Answer, stage: Arc<str>, call: Call) -> Answer {
    let mut events = answer.into_stream();
    let mut since = None;
    Answer::new(stream::poll_fn(move |cx| {
        let event = events.poll_next_unpin(cx);
        match &event {
            Poll::Pending => drop(since.get_or_insert_with(Instant::now)),
            Poll::Ready(_) => {
                if let Some(since) = since.take() {
                    call.note_wait(&stage, Instant::now() - since);
                }
            }
        }
        event
    }))
}

/// Decides a condition, for which the answer must be there if it looks at it.
async fn holds(condition: &Condition, payload: &mut Payload) -> Result<bool, PipelineError> {
    if condition.names().contains(names::ANSWER) {
        payload.complete().await.map_err(PipelineError::Answer)?;
    }
    Ok(condition.holds(payload.variables())?)
}

async fn beside<'a>(
    ways: &'a [Vec<Step>],
    mut payload: Payload,
    call: &Call,
) -> Result<Payload, PipelineError> {
    payload.complete().await.map_err(PipelineError::Answer)?;
    let before = payload.variables();
    let go = |steps: &'a [Step]| async move {
        let mut after = run(steps, Payload::of(before.clone()), call).await?;
        after.complete().await.map_err(PipelineError::Answer)?;
        Ok::<_, PipelineError>(after.into_variables())
    };
    let ends = try_join_all(ways.iter().map(|steps| go(steps))).await?;
    let mut merged = before.clone();
    for end in ends {
        merged.extend(written(before, end));
    }
    Ok(Payload::of(merged))
}

/// The variables that are new or changed.
fn written(
    before: &Map<String, Value>,
    after: Map<String, Value>,
) -> impl Iterator<Item = (String, Value)> {
    let is_new = |(name, value): &(String, Value)| before.get(name) != Some(value);
    after.into_iter().filter(is_new)
}

async fn again(
    (steps, until, max_attempts): (&[Step], &Condition, u32),
    mut payload: Payload,
    call: &Call,
) -> Result<Payload, PipelineError> {
    for attempt in 1..=max_attempts {
        payload.set(ATTEMPT, attempt);
        payload = run(steps, payload, call).await?;
        if holds(until, &mut payload).await? {
            break;
        }
    }
    Ok(payload)
}

/// The variable that counts a loop's attempts.
const ATTEMPT: &str = "attempt";
