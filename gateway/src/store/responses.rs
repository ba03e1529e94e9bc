//! Responses that are kept, so that a later request can go on from them.

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata};
use redb::{TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::conversations;
use super::error::StoreError;
use super::folder::{Opened, Store};
use super::shelf::{self, Kept, RESPONSES, Shelf};

/// Bytes of all records by one fixed key: counted with each change, so that nobody has to add them up.
const SIZES: TableDefinition<'static, &'static str, u64> = TableDefinition::new("response_sizes");
const TOTAL: &str = "responses";
/// Ids of responses that are being made.
const UNFINISHED: TableDefinition<'static, &'static str, ()> =
    TableDefinition::new("unfinished_responses");

/// A response: what it was asked, and what was said, with the lengths of the pieces in which it was said, so that
/// its events can be told again. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResponseRecord {
    pub(crate) id: String,
    pub(crate) created_at: u64,
    pub(crate) completed_at: Option<u64>,
    pub(crate) status: ResponseStatus,
    pub(crate) error: Option<Failure>,
    /// The fields of the request that the response repeats.
    pub(crate) asked: Map<String, Value>,
    /// Whether it is made without a client that waits.
    pub(crate) background: bool,
    pub(crate) previous_response_id: Option<String>,
    pub(crate) conversation: Option<String>,
    /// The items of the request itself, without those of earlier responses.
    pub(crate) input: Vec<Value>,
    pub(crate) output: Vec<OutputItem>,
    pub(crate) usage: Option<TokenCounts>,
    /// The passages that an application made it from; null where there are none.
    pub(crate) sources: Value,
}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseStatus {
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
}

/// Why a response failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A message of the model's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutputItem {
    pub(crate) id: String,
    pub(crate) text: String,
    /// Where in `text` each piece ends.
    pub(crate) ends: Vec<usize>,
    /// Log-probabilities of the text's tokens, where they were asked for.
    pub(crate) logprobs: Vec<Value>,
    /// How many of them each piece ends behind; empty where none were asked for.
    pub(crate) scored: Vec<usize>,
    /// Whether all of it is there.
    pub(crate) whole: bool,
}

/// Tokens of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenCounts {
    pub(crate) input: u32,
    pub(crate) cached: u32,
    pub(crate) output: u32,
}

/// What came before a response, the oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Earlier {
    /// Responses that went before.
    Responses(Vec<ResponseRecord>),
    /// There is no response of this id any more.
    Lost(String),
}

/// Responses that are kept at most, their bytes, and seconds that each is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) responses: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: u64,
}

/// Responses that one may go back to, at most.
const MAX_CHAIN: usize = 4096;
/// Bytes of records that one may go back to.
const MAX_CHAIN_BYTES: usize = 64 << 20;

impl ResponseStatus {
    /// Whether nothing happens to it any more.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Incomplete | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::InProgress => false,
        }
    }
}

impl ResponseRecord {
    /// Whether what it says was said to the end, or to its limit.
    pub(crate) fn is_said(&self) -> bool {
        matches!(
            self.status,
            ResponseStatus::Completed | ResponseStatus::Incomplete
        )
    }

    /// The record of one that nobody makes any more.
    #[must_use]
    pub(crate) fn lost(mut self) -> Self {
        self.status = ResponseStatus::Failed;
        self.error = Some(Failure {
            code: "server_error".to_owned(),
            message: "the server stopped before the response was complete".to_owned(),
        });
        self
    }

    /// Its input and its output, as later requests read them.
    pub(crate) fn items(&self) -> Vec<Value> {
        let output = self.output.iter().map(OutputItem::stored);
        self.input.iter().cloned().chain(output).collect()
    }
}

impl Kept for ResponseRecord {
    const SHELF: Shelf = RESPONSES;

    fn id(&self) -> &str {
        &self.id
    }
}

impl Store {
    /// Keeps a response, in the place of the one with its id if there is one, and puts `items` at the end of its
    /// conversation, if that is still there. The oldest go where there is no room.
    ///
    /// # Errors
    /// The disk failed; then nothing has changed.
    pub(crate) async fn keep_response(
        &self,
        record: ResponseRecord,
        room: Room,
    ) -> Result<(), StoreError> {
        self.run(move |opened| opened.keep_response(&record, room))
            .await
    }

    /// Puts items at the end of a conversation, if that is still there.
    ///
    /// # Errors
    /// The disk failed, or the conversation is full.
    pub(crate) async fn append(&self, id: String, items: Vec<Value>) -> Result<(), StoreError> {
        self.run(move |opened| {
            let change = opened.database.begin_write()?;
            conversations::append(&change, &id, &items)?;
            Ok(change.commit()?)
        })
        .await
    }

    /// A response.
    ///
    /// # Errors
    /// There is none of this id that came after `since`.
    pub(crate) async fn response(
        &self,
        id: String,
        since: u64,
    ) -> Result<ResponseRecord, StoreError> {
        self.run(move |opened| one(&opened.database.begin_read()?, &id, since))
            .await
    }

    /// A response and all before it, as far as they came after `since`.
    ///
    /// # Errors
    /// They are more than anybody can read, or the disk failed.
    pub(crate) async fn responses_up_to(
        &self,
        id: String,
        since: u64,
    ) -> Result<Earlier, StoreError> {
        self.run(move |opened| up_to(&opened.database.begin_read()?, id, since))
            .await
    }

    /// Forgets a response.
    ///
    /// # Errors
    /// There is none of this id that came after `since`.
    pub(crate) async fn forget_response(&self, id: String, since: u64) -> Result<(), StoreError> {
        self.run(move |opened| {
            one(&opened.database.begin_read()?, &id, since)?;
            let change = opened.database.begin_write()?;
            let bytes = shelf::remove::<ResponseRecord>(&change, &id)?;
            resize(&change, bytes, 0)?;
            Ok(change.commit()?)
        })
        .await
    }
}

impl Opened {
    fn keep_response(&self, record: &ResponseRecord, room: Room) -> Result<(), StoreError> {
        let change = self.database.begin_write()?;
        let new = match shelf::find::<ResponseRecord>(&change, &record.id)? {
            Some(old) => {
                let new = shelf::replace(&change, record)?;
                resize(&change, old, new)?;
                new
            }
            None => {
                let (_, new) = shelf::add(&change, record)?;
                resize(&change, 0, new)?;
                new
            }
        };
        let mut unfinished = change.open_table(UNFINISHED)?;
        match record.status.is_final() {
            true => drop(unfinished.remove(&*record.id)?),
            false => drop(unfinished.insert(&*record.id, ())?),
        }
        drop(unfinished);
        make_room(&change, record.created_at, room, new)?;
        if let Some(conversation) = &record.conversation
            && record.is_said()
        {
            conversations::append(&change, conversation, &record.items())?;
        }
        Ok(change.commit()?)
    }
}

impl OutputItem {
    /// The item as later requests read it, without what only its events need.
    pub(crate) fn stored(&self) -> Value {
        serde_json::json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "status": if self.whole { "completed" } else { "incomplete" },
            "content": [{
                "type": "output_text",
                "text": self.text,
                "annotations": [],
                "logprobs": self.logprobs,
            }],
        })
    }
}

/// Makes the tables, and says of responses that another process did not finish that they failed.
pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    let change = database.begin_write()?;
    change.open_table(SIZES)?;
    let mut unfinished = change.open_table(UNFINISHED)?;
    let mut ids = Vec::new();
    while let Some((id, _)) = unfinished.pop_first()? {
        ids.push(id.value().to_owned());
    }
    drop(unfinished);
    for id in ids {
        let (_, record) = match shelf::of_change::<ResponseRecord>(&change, &id) {
            Ok(found) => found,
            // It was forgotten.
            Err(StoreError::Missing { .. }) => continue,
            Err(error) => return Err(error),
        };
        let record = record.lost();
        let old = shelf::find::<ResponseRecord>(&change, &id)?.unwrap_or_default();
        let new = shelf::replace(&change, &record)?;
        resize(&change, old, new)?;
    }
    Ok(change.commit()?)
}

/// Counts that a record of `old` bytes has `new`; 0 is none.
fn resize(change: &WriteTransaction, old: u64, new: u64) -> Result<(), StoreError> {
    let mut sizes = change.open_table(SIZES)?;
    let total = sizes.get(TOTAL)?.map_or(0, |total| total.value());
    sizes.insert(TOTAL, total.saturating_add(new).saturating_sub(old))?;
    Ok(())
}

/// Forgets the oldest, until the rest fits, but never the one of `newest` bytes that has just come.
fn make_room(
    change: &WriteTransaction,
    now: u64,
    room: Room,
    newest: u64,
) -> Result<(), StoreError> {
    loop {
        let total = change
            .open_table(SIZES)?
            .get(TOTAL)?
            .map_or(0, |t| t.value());
        let count = change.open_table(RESPONSES.records)?.len()?;
        let Some((oldest, bytes)) = shelf::first::<ResponseRecord>(change)? else {
            return Ok(());
        };
        let stale = oldest.created_at.saturating_add(room.seconds) <= now;
        let full = count > room.responses || (total > room.bytes && total > newest);
        if !stale && !full {
            return Ok(());
        }
        shelf::remove::<ResponseRecord>(change, &oldest.id)?;
        resize(change, bytes, 0)?;
    }
}

fn one(read: &ReadTransaction, id: &str, since: u64) -> Result<ResponseRecord, StoreError> {
    let (_, record): (u64, ResponseRecord) = shelf::get(read, id)?;
    match record.created_at > since {
        true => Ok(record),
        false => Err(StoreError::missing(RESPONSES.kind, id)),
    }
}

fn up_to(read: &ReadTransaction, id: String, since: u64) -> Result<Earlier, StoreError> {
    let mut chain = Vec::new();
    let (mut next, mut bytes) = (Some(id), 0);
    while let Some(id) = next.take() {
        let record = match one(read, &id, since) {
            Ok(record) => record,
            Err(StoreError::Missing { .. }) => return Ok(Earlier::Lost(id)),
            Err(error) => return Err(error),
        };
        let items = record.input.iter().map(|item| item.to_string().len());
        let output = record.output.iter().map(|item| item.text.len());
        bytes += items.chain(output).sum::<usize>();
        if bytes > MAX_CHAIN_BYTES || chain.len() >= MAX_CHAIN {
            return Err(StoreError::Refused(
                "the responses before this one are more than any model reads; begin anew"
                    .to_owned(),
            ));
        }
        next.clone_from(&record.previous_response_id);
        chain.push(record);
    }
    chain.reverse();
    Ok(Earlier::Responses(chain))
}

#[cfg(test)]
mod tests;
