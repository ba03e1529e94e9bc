//! Answers as they come: named events in Anthropic's order.
//!
//! `message_start`, `content_block_start`, `ping`, then a `content_block_delta` for each piece, `content_block_stop`,
//! `message_delta` with why it ended and what it cost, `message_stop`. An error in between is an `error` event, and
//! the last.

use llm_apps::stage::generate::TextEvent;
use serde::Serialize;
use serde_json::Value;

use super::fault::Fault;
use super::message::{Block, Message, MessageUsage, stopped};
use crate::error::ApiError;
use crate::generation::Tally;
use crate::openai::{Extras, Head};
use crate::sse::{Encode, Frames};

/// Writes the events of one answer.
#[derive(Debug)]
pub(crate) struct MessageEncoder {
    head: Head,
    opened: bool,
    /// Said with the end of the answer.
    extras: Option<Extras>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart {
        message: Message<'a>,
    },
    ContentBlockStart {
        index: usize,
        content_block: Block<'a>,
    },
    Ping,
    ContentBlockDelta {
        index: usize,
        delta: Delta<'a>,
    },
    ContentBlockStop {
        index: usize,
    },
    MessageDelta {
        delta: Ended<'a>,
        usage: MessageUsage,
        #[serde(skip_serializing_if = "Option::is_none")]
        penstock: Option<&'a Extras>,
    },
    MessageStop,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta<'a> {
    TextDelta { text: &'a str },
}

#[derive(Debug, Serialize)]
struct Ended<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

impl MessageEncoder {
    /// For an answer that was made from `sources`; null where there are none.
    pub(crate) fn new(head: Head, sources: Value) -> Self {
        Self {
            head,
            opened: false,
            extras: Extras::of(sources),
        }
    }

    fn open(&mut self, tally: &Tally, out: &mut Frames) {
        if std::mem::replace(&mut self.opened, true) {
            return;
        }
        let message = Message::opening(&self.head, tally);
        send(&Event::MessageStart { message }, out);
        let content_block = Block::Text { text: "" };
        let index = 0;
        send(
            &Event::ContentBlockStart {
                index,
                content_block,
            },
            out,
        );
        send(&Event::Ping, out);
    }
}

impl Encode for MessageEncoder {
    fn event(&mut self, _: usize, event: TextEvent, tally: &Tally, out: &mut Frames) {
        self.open(tally, out);
        match event {
            TextEvent::Delta { text, .. } => {
                if !text.is_empty() {
                    let delta = Delta::TextDelta { text: &text };
                    send(&Event::ContentBlockDelta { index: 0, delta }, out);
                }
            }
            TextEvent::Finished { reason, .. } => {
                send(&Event::ContentBlockStop { index: 0 }, out);
                let (stop_reason, stop_sequence) = stopped(&reason);
                let event = Event::MessageDelta {
                    delta: Ended {
                        stop_reason,
                        stop_sequence,
                    },
                    usage: MessageUsage::of(tally),
                    penstock: self.extras.as_ref(),
                };
                send(&event, out);
            }
            // A message does not echo, and errors end the stream elsewhere.
            TextEvent::Prompt { .. } | TextEvent::Failed { .. } => {}
        }
    }

    fn end(&mut self, _: &Tally, _: &mut Frames) {}

    fn done(&mut self, out: &mut Frames) {
        send(&Event::MessageStop, out);
    }

    fn failed(&mut self, error: &ApiError, out: &mut Frames) {
        out.event("error", &Fault::of(error));
    }
}

fn send(event: &Event<'_>, out: &mut Frames) {
    out.event(event.name(), event);
}

impl Event<'_> {
    /// The name of the event, which its `type` repeats.
    fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::Ping => "ping",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }
}
