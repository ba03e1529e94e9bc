//! One request inside the loop: its sampler, what it has yet to say, and to whom.

use flume::Sender;

use crate::batch::{LogitRows, ScheduledSequence};
use crate::constraint::MaskError;
use crate::core::command::Submission;
use crate::core::reservation::Reservation;
use crate::error::EngineError;
use crate::event::{FinishReason, TokenEvent, TokenLogprobs, Usage};
use crate::model::Logits;
use crate::request::GenerateRequest;
use crate::sampler::{Sampled, Sampler, token_logprobs};

/// Turns a sequence's rows of logits into its events.
#[derive(Debug)]
pub(super) struct Generation {
    request: GenerateRequest,
    sampler: Sampler,
    /// Tokens generated.
    generated: u32,
    /// Tokens of the prompt that the prefix cache had; `None` before anything is computed.
    cached: Option<u32>,
    /// The prompt's log-probabilities so far; `None` when not asked for, or sent.
    prompt_logprobs: Option<Vec<Option<TokenLogprobs>>>,
    /// Why it cannot go on, until that is asked for.
    failure: Option<MaskError>,
    events: Sender<TokenEvent>,
    reservation: Reservation,
}

impl Generation {
    pub(super) fn new(submission: Submission) -> Self {
        let Submission {
            request,
            sampler,
            events,
            reservation,
        } = submission;
        let scores = request.params().prompt_logprobs.is_some() && !request.resumes();
        Self {
            sampler,
            generated: u32::try_from(request.said().len()).unwrap_or(u32::MAX),
            cached: request.said_cached(),
            request,
            // Nothing predicts the first token.
            prompt_logprobs: scores.then(|| vec![None]),
            failure: None,
            events,
            reservation,
        }
    }

    /// Whether nobody reads its events any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.events.is_disconnected()
    }

    /// Reads the sequence's rows: scores the prompt, and samples when its gap is closed.
    ///
    /// Behind drafts, rows are sampled in order for as long as the token sampled is the one that the
    /// next row was computed with. So each sees the true history, as if it were alone in its step:
    /// whatever edits a row knows only what was really said. What comes after a wrong guess, or after
    /// the end of the answer, is not looked at.
    pub(super) fn read(
        &mut self,
        scheduled: &ScheduledSequence,
        logits: &mut Logits<'_>,
        eos: &[u32],
    ) -> Vec<Sampled> {
        // What the first plan does not compute was found in the cache.
        let start = || u32::try_from(scheduled.start).unwrap_or(u32::MAX);
        self.cached.get_or_insert_with(start);
        if scheduled.logits == LogitRows::All {
            self.score_prompt(scheduled.start, scheduled.tokens.len(), logits);
        }
        let drafts = scheduled.drafts();
        let end = scheduled.start + scheduled.tokens.len() - drafts.len();
        let closed = end == self.request.prompt().len() + self.generated as usize;
        let rows = scheduled.num_logit_rows();
        if !closed || rows <= drafts.len() {
            return Vec::new();
        }
        let mut said = Vec::with_capacity(drafts.len() + 1);
        for (i, row) in (rows - drafts.len() - 1..rows).enumerate() {
            if self.generated >= self.request.params().max_tokens {
                break;
            }
            let sampled = match self.sampler.sample(logits.row(row), self.generated, eos) {
                Ok(sampled) => sampled,
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            };
            let id = sampled.id;
            self.sampler.observe(id);
            self.generated += 1;
            said.push(sampled);
            let request = &self.request;
            if drafts.get(i) != Some(&id) || request.stops_at(id, self.generated as usize, eos) {
                break;
            }
        }
        said
    }

    /// Why it cannot go on, if so, once.
    pub(super) fn take_failure(&mut self) -> Option<EngineError> {
        let error = self.failure.take()?;
        Some(EngineError::Constraint(error.to_string()))
    }

    /// The row of position `p` scores token `p + 1`. Positions that were scored before a preemption
    /// are not scored again.
    fn score_prompt(&mut self, start: usize, count: usize, logits: &mut Logits<'_>) {
        let prompt = self.request.prompt();
        let top = self.request.params().prompt_logprobs.unwrap_or(0);
        let Some(scores) = &mut self.prompt_logprobs else {
            return;
        };
        let end = (start + count).min(prompt.len() - 1);
        for position in (scores.len() - 1).max(start)..end {
            let row = logits.row(position - start);
            scores.push(Some(token_logprobs(row, prompt[position + 1], top)));
        }
    }

    /// Sends a token. Whether someone still reads is looked at once, before each step.
    pub(super) fn say(&mut self, sampled: Sampled) {
        self.say_prompt();
        let Sampled { id, logprobs } = sampled;
        self.send(TokenEvent::Token {
            id,
            logprobs,
            cached_tokens: self.cached.unwrap_or(0),
        });
    }

    /// Sends the terminal event. The place among the held requests is free before it is read.
    pub(super) fn end(mut self, outcome: Result<(FinishReason, Usage), EngineError>) {
        self.say_prompt();
        let Self {
            events,
            reservation,
            ..
        } = self;
        drop(reservation);
        let event = match outcome {
            Ok((reason, usage)) => TokenEvent::Done { reason, usage },
            Err(error) => TokenEvent::Failed(error),
        };
        // A reader that is gone needs no end.
        events.try_send(event).ok();
    }

    /// Sends the prompt's log-probabilities, once, when they are complete.
    fn say_prompt(&mut self) {
        let complete = |s: &mut Vec<_>| s.len() == self.request.prompt().len();
        if let Some(scores) = self.prompt_logprobs.take_if(complete) {
            self.send(TokenEvent::Prompt(scores));
        }
    }

    fn send(&self, event: TokenEvent) {
        let full = matches!(
            self.events.try_send(event),
            Err(flume::TrySendError::Full(_))
        );
        debug_assert!(
            !full,
            "a generation says more than its channel was made for"
        );
    }
}
