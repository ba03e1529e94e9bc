//! The choices of one request, merged into one stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use engine::{EngineError, TokenEvent};
use futures::Stream;

use super::backend::Tokens;
use super::choice::{Choice, Next, PromptScores};
use super::event::TextEvent;
use super::model::Shared;
use super::prepare::PreparedRequest;

/// The events of all choices, each choice's in order, as they come. Dropping it cancels what has not
/// ended.
#[derive(Debug)]
pub struct TextStream {
    choices: Vec<Running>,
    /// Whose turn it is to be asked first, so that no choice is heard last for ever.
    turn: usize,
    /// Events that follow from one event of the engine: a few for each choice at most.
    ready: VecDeque<TextEvent>,
    /// Whether the first choice has yet to say how likely the prompt was, which every choice says
    /// before all else. Until then the others wait in their channels.
    scores_are_due: bool,
}

#[derive(Debug)]
struct Running {
    choice: Choice,
    tokens: Tokens,
}

impl TextStream {
    pub(super) fn new(request: &PreparedRequest, streams: Vec<Tokens>, shared: &Shared) -> Self {
        let eos: Arc<[u32]> = shared.info.eos.as_slice().into();
        let running = |(proved, tokens)| Running {
            choice: Choice::new(request, proved, &shared.tokenizer, &eos),
            tokens,
        };
        Self {
            choices: request
                .requests()
                .iter()
                .zip(streams)
                .map(running)
                .collect(),
            turn: 0,
            ready: VecDeque::new(),
            scores_are_due: request.scores_prompt(),
        }
    }

    /// Choices that may speak now; they stand first.
    fn speaking(&self) -> usize {
        let all = self.choices.len();
        if self.scores_are_due { all.min(1) } else { all }
    }

    /// Takes what the first choice's next event means for the others.
    fn share_scores(&mut self, event: &TokenEvent) {
        self.scores_are_due = false;
        let [_, others @ ..] = self.choices.as_mut_slice() else {
            return;
        };
        match event {
            TokenEvent::Prompt(scores) => {
                let scores: PromptScores = scores.as_slice().into();
                for other in others {
                    other.choice.score_prompt(Arc::clone(&scores));
                }
            }
            // Without the scores none of them is what was asked for.
            TokenEvent::Failed(error) => {
                for other in self.choices.drain(1..) {
                    other.choice.fail(error.clone(), &mut self.ready);
                }
            }
            // The scores come before these.
            TokenEvent::Token { .. } | TokenEvent::Done { .. } => {}
        }
    }
}

impl Stream for TextStream {
    type Item = TextEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TextEvent>> {
        let this = self.get_mut();
        let mut silent = 0;
        while this.ready.is_empty() && silent < this.speaking() {
            let turn = this.turn % this.speaking();
            let event = match Pin::new(&mut this.choices[turn].tokens).poll_next(cx) {
                Poll::Pending => {
                    silent += 1;
                    this.turn = turn + 1;
                    continue;
                }
                // A stream that ends without a terminal event belonged to an engine that is gone.
                Poll::Ready(event) => {
                    event.unwrap_or(TokenEvent::Failed(EngineError::ShuttingDown))
                }
            };
            if this.scores_are_due {
                this.share_scores(&event);
            }
            let next = this.choices[turn].choice.read(event, &mut this.ready);
            silent = 0;
            match next {
                Next::GoesOn => this.turn = turn + 1,
                // Dropping its token stream cancels what the engine may still be at.
                Next::Ended => drop(this.choices.swap_remove(turn)),
            }
        }
        match this.ready.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if this.choices.is_empty() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}
