//! OpenAI's Responses API and conversations: answers that are kept, that later requests go on from, that are made in
//! the background, and whose events can be told again.
//!
//! A request is proved in its own words (`request`, `items`, by the tables of `tables`) and told as the chat that it
//! means, together with what goes before it (`history`), so that all that a chat can do is done once. What the model
//! says goes into one record (`run`), which is all that is kept. **The events are a function of that record**
//! (`events`): whoever watches a response while it is made, the client who asked for it among them, and whoever asks
//! for it later, from whichever event on, is told the same ones with the same numbers (`live`).
//!
//! **Who makes it.** In the foreground the response body of the client who asked: when that is dropped, nothing of it
//! is left. In the background a task that shutdown waits for, as it waits for requests (`create`, `room`).
//!
//! **What is promised.** A response is in the store before its end is told. One in the background is there before its
//! client hears of it; if the process ends first, it has failed when the store is opened again.

mod conversation;
mod create;
mod events;
mod history;
mod items;
mod live;
mod object;
mod request;
mod room;
mod run;
mod tables;

pub(crate) use conversation::{conversation_request, description, new_items};
pub(crate) use create::{Created, create};
pub(crate) use live::{Live, Watching};
pub(crate) use object::object;
pub(crate) use request::response_request;
pub(crate) use room::{Keeping, Responses};
pub(crate) use run::Making;
pub(crate) use tables::{CONVERSATION, CONVERSATION_ITEMS, CONVERSATIONS, RESPONSES};
