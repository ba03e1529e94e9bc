//! The choices of one request, merged into one stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use engine::TokenStream;
use futures::Stream;

use super::choice::{Choice, Next};
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
    /// Events that follow from one event of the engine: a few at most.
    ready: VecDeque<TextEvent>,
}

#[derive(Debug)]
struct Running {
    choice: Choice,
    tokens: TokenStream,
}

impl TextStream {
    pub(super) fn new(
        request: &PreparedRequest,
        streams: Vec<TokenStream>,
        shared: &Shared,
    ) -> Self {
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
        }
    }
}

impl Stream for TextStream {
    type Item = TextEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TextEvent>> {
        let this = self.get_mut();
        let mut silent = 0;
        while this.ready.is_empty() && silent < this.choices.len() {
            let turn = this.turn % this.choices.len();
            let Running { choice, tokens } = &mut this.choices[turn];
            let next = match Pin::new(tokens).poll_next(cx) {
                Poll::Pending => {
                    silent += 1;
                    this.turn = turn + 1;
                    continue;
                }
                Poll::Ready(Some(event)) => choice.read(event, &mut this.ready),
                Poll::Ready(None) => {
                    choice.broken_off(&mut this.ready);
                    Next::Ended
                }
            };
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
