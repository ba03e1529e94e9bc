//! Anthropic's wire: `POST /v1/messages` and `POST /v1/messages/count_tokens`.
//!
//! A request is proved in its own words (`request`, by the table of `tables`) and then told as the chat that it means
//! (`to_chat`), so that all that a chat can do is done once; what Anthropic's API has beyond that, such as tools, is
//! added there and in the encoder of the answer. Answers are a message (`message`) or events (`events`). Errors on
//! these paths have Anthropic's shape, whoever made them (`fault`).

mod events;
mod fault;
mod message;
mod request;
mod tables;
mod to_chat;

pub(crate) use events::MessageEncoder;
pub(crate) use fault::in_its_words;
pub(crate) use message::{Counted, Message};
pub use request::{Extent, MessagesRequest, messages_request};
pub use tables::{COUNT_TOKENS, MESSAGES};
