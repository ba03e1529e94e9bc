//! The events of a response, each a function of its record and of its number: what is told while the response is
//! made and what is told of it later are the same.
//!
//! The order is OpenAI's: `response.created`, for one in the background `response.queued`, `response.in_progress`;
//! for each item `response.output_item.added`, `response.content_part.added`, a `response.output_text.delta` for each
//! piece, `response.output_text.done`, `response.content_part.done`, `response.output_item.done`; and at the end
//! `response.completed`, `response.incomplete` or `response.failed`. A response that was cancelled ends with
//! `response.incomplete`, in which its status says so: OpenAI's schema has no event of its own for that.

use serde::Serialize;
use serde_json::{Value, json};

use super::object::{object, opening, shown};
use crate::sse::Frames;
use crate::store::{OutputItem, ResponseRecord, ResponseStatus};

/// Bytes after which what has gathered goes out.
const PIECE: usize = 16 << 10;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Created,
    Queued,
    InProgress,
    /// Of this item.
    Item(usize, Part),
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Added,
    ContentAdded,
    /// This piece of its text.
    Delta(usize),
    TextDone,
    ContentDone,
    Done,
}

/// A piece of text; the event of which there are many.
#[derive(Debug, Serialize)]
struct Delta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    item_id: &'a str,
    output_index: usize,
    content_index: usize,
    delta: &'a str,
    logprobs: Vec<Value>,
}

/// Appends the events from `next` on that are there, some of them if they are many. Returns whether the last was
/// among them, or before.
pub(super) fn tell(record: &ResponseRecord, next: &mut u64, out: &mut Frames) -> bool {
    while let Some(event) = event(record, *next) {
        if out.len() >= PIECE {
            return false;
        }
        write(record, event, *next, out);
        *next += 1;
    }
    record.status.is_final()
}

/// The event with this number, if it has happened.
fn event(record: &ResponseRecord, number: u64) -> Option<Event> {
    let mut left = usize::try_from(number).ok()?;
    let opening: &[Event] = match (record.background, record.status) {
        (true, ResponseStatus::Queued) => &[Event::Created, Event::Queued],
        (true, _) => &[Event::Created, Event::Queued, Event::InProgress],
        (false, _) => &[Event::Created, Event::InProgress],
    };
    if let Some(event) = opening.get(left) {
        return Some(*event);
    }
    left -= opening.len();
    for (index, item) in record.output.iter().enumerate() {
        let pieces = item.ends.len();
        let part = match left {
            0 => Some(Part::Added),
            1 => Some(Part::ContentAdded),
            _ if left - 2 < pieces => Some(Part::Delta(left - 2)),
            _ if item.whole => [Part::TextDone, Part::ContentDone, Part::Done]
                .get(left - 2 - pieces)
                .copied(),
            _ => None,
        };
        if let Some(part) = part {
            return Some(Event::Item(index, part));
        }
        left -= 2 + pieces + if item.whole { 3 } else { 0 };
    }
    (left == 0 && record.status.is_final()).then_some(Event::Ended)
}

fn write(record: &ResponseRecord, event: Event, number: u64, out: &mut Frames) {
    let first = match record.background {
        true => ResponseStatus::Queued,
        false => ResponseStatus::InProgress,
    };
    let mut send = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        data["sequence_number"] = number.into();
        out.event(kind, &data);
    };
    let at = |status| json!({"response": opening(record, status)});
    match event {
        Event::Created => send("response.created", at(first)),
        Event::Queued => send("response.queued", at(ResponseStatus::Queued)),
        Event::InProgress => send("response.in_progress", at(ResponseStatus::InProgress)),
        Event::Item(index, Part::Delta(piece)) => {
            if let Some(item) = record.output.get(index) {
                let kind = "response.output_text.delta";
                let (delta, logprobs) = piece_of(item, piece);
                let delta = Delta {
                    kind,
                    sequence_number: number,
                    item_id: &item.id,
                    output_index: index,
                    content_index: 0,
                    delta,
                    logprobs,
                };
                out.event(kind, &delta);
            }
        }
        Event::Item(index, part) => {
            if let Some(item) = record.output.get(index) {
                let (kind, data) = of_item(record, index, item, part);
                send(kind, data);
            }
        }
        Event::Ended => {
            let kind = match record.status {
                ResponseStatus::Completed => "response.completed",
                ResponseStatus::Failed => "response.failed",
                ResponseStatus::Incomplete
                | ResponseStatus::Cancelled
                | ResponseStatus::Queued
                | ResponseStatus::InProgress => "response.incomplete",
            };
            send(kind, json!({"response": object(record)}));
        }
    }
}

/// Name and data of an event of an item that is no delta.
fn of_item(
    record: &ResponseRecord,
    index: usize,
    item: &OutputItem,
    part: Part,
) -> (&'static str, Value) {
    let content = |text: &str, logprobs: &[Value]| {
        json!({
            "item_id": item.id,
            "output_index": index,
            "content_index": 0,
            "part": {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs},
        })
    };
    match part {
        Part::Added | Part::Delta(_) => {
            let mut empty = shown(item, ResponseStatus::InProgress);
            empty["content"] = json!([]);
            let data = json!({"output_index": index, "item": empty});
            ("response.output_item.added", data)
        }
        Part::ContentAdded => ("response.content_part.added", content("", &[])),
        Part::TextDone => {
            let data = json!({
                "item_id": item.id,
                "output_index": index,
                "content_index": 0,
                "text": item.text,
                "logprobs": bare(&item.logprobs),
            });
            ("response.output_text.done", data)
        }
        Part::ContentDone => (
            "response.content_part.done",
            content(&item.text, &item.logprobs),
        ),
        Part::Done => {
            let data = json!({"output_index": index, "item": shown(item, record.status)});
            ("response.output_item.done", data)
        }
    }
}

/// A piece of the text, and what is known of its tokens.
fn piece_of(item: &OutputItem, piece: usize) -> (&str, Vec<Value>) {
    let span = |ends: &[usize]| {
        let begin = piece.checked_sub(1).and_then(|before| ends.get(before));
        begin.copied().unwrap_or(0)..ends.get(piece).copied().unwrap_or(0)
    };
    let text = item.text.get(span(&item.ends)).unwrap_or_default();
    let scored = item.logprobs.get(span(&item.scored)).unwrap_or_default();
    (text, bare(scored))
}

/// Log-probabilities as events of texts have them: without the bytes that stand in parts of content.
fn bare(logprobs: &[Value]) -> Vec<Value> {
    let without = |token: &Value| {
        let mut token = token.clone();
        if let Some(fields) = token.as_object_mut() {
            fields.remove("bytes");
        }
        token
    };
    let token = |token: &Value| {
        let mut bare = without(token);
        if let Some(top) = token["top_logprobs"].as_array() {
            bare["top_logprobs"] = top.iter().map(without).collect();
        }
        bare
    };
    logprobs.iter().map(token).collect()
}
