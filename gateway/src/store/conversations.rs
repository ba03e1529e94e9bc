//! Conversations: items that go on from response to response.

use redb::{ReadTransaction, ReadableDatabase, ReadableTableMetadata};
use redb::{TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::StoreError;
use super::folder::Store;
use super::shelf::{self, CONVERSATIONS, Kept, Page, PageRequest, Shelf};

/// Items by their conversation's number and their own.
const ITEMS: TableDefinition<'static, (u64, u64), &'static [u8]> =
    TableDefinition::new("conversation_items");

/// What is known of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConversationRecord {
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created_at: u64,
    /// An object.
    pub(crate) metadata: Value,
    /// Items that it has.
    pub(crate) items: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// The number that its next item gets.
    pub(crate) next: u64,
}

/// Conversations that are kept at most.
pub(crate) const MAX_CONVERSATIONS: u64 = 100_000;
/// Items of one of them.
const MAX_ITEMS: u64 = 10_000;
/// Bytes of these.
const MAX_BYTES: u64 = 16 << 20;

impl Kept for ConversationRecord {
    const SHELF: Shelf = CONVERSATIONS;

    fn id(&self) -> &str {
        &self.id
    }
}

impl Store {
    /// Keeps a new conversation that begins with `items`; at most `most` are kept.
    ///
    /// # Errors
    /// There is no room.
    pub(crate) async fn add_conversation(
        &self,
        conversation: ConversationRecord,
        items: Vec<Value>,
        most: u64,
    ) -> Result<(), StoreError> {
        self.run(move |opened| {
            let change = opened.database.begin_write()?;
            let count = change.open_table(CONVERSATIONS.records)?.len()?;
            if count >= most {
                return Err(StoreError::Refused(format!(
                    "{most} conversations are kept already, which is the limit; delete some"
                )));
            }
            shelf::add(&change, &conversation)?;
            append(&change, &conversation.id, &items)?;
            Ok(change.commit()?)
        })
        .await
    }

    /// A conversation.
    ///
    /// # Errors
    /// There is none of this id.
    pub(crate) async fn conversation(&self, id: String) -> Result<ConversationRecord, StoreError> {
        self.run(move |opened| {
            let (_, record) = shelf::get(&opened.database.begin_read()?, &id)?;
            Ok(record)
        })
        .await
    }

    /// Gives a conversation other metadata.
    ///
    /// # Errors
    /// There is none of this id.
    pub(crate) async fn describe_conversation(
        &self,
        id: String,
        metadata: Value,
    ) -> Result<ConversationRecord, StoreError> {
        self.run(move |opened| {
            let change = opened.database.begin_write()?;
            let (_, mut record): (u64, ConversationRecord) = shelf::of_change(&change, &id)?;
            record.metadata = metadata;
            shelf::replace(&change, &record)?;
            change.commit()?;
            Ok(record)
        })
        .await
    }

    /// Forgets a conversation and its items.
    ///
    /// # Errors
    /// There is none of this id.
    pub(crate) async fn forget_conversation(&self, id: String) -> Result<(), StoreError> {
        self.run(move |opened| {
            let change = opened.database.begin_write()?;
            let (number, _): (u64, ConversationRecord) = shelf::of_change(&change, &id)?;
            let mut items = change.open_table(ITEMS)?;
            items.retain_in((number, 0)..=(number, u64::MAX), |_, _| false)?;
            drop(items);
            shelf::remove::<ConversationRecord>(&change, &id)?;
            Ok(change.commit()?)
        })
        .await
    }

    /// Puts items at the end of a conversation.
    ///
    /// # Errors
    /// There is none of this id, or it is full.
    pub(crate) async fn add_items(&self, id: String, items: Vec<Value>) -> Result<(), StoreError> {
        self.run(move |opened| {
            let change = opened.database.begin_write()?;
            shelf::of_change::<ConversationRecord>(&change, &id)?;
            append(&change, &id, &items)?;
            Ok(change.commit()?)
        })
        .await
    }

    /// All items of a conversation, the oldest first.
    ///
    /// # Errors
    /// There is none of this id.
    pub(crate) async fn items(&self, id: String) -> Result<Vec<Value>, StoreError> {
        self.run(move |opened| {
            let read = opened.database.begin_read()?;
            Ok(all(&read, &id)?
                .1
                .into_iter()
                .map(|(_, item)| item)
                .collect())
        })
        .await
    }

    /// Items of a conversation by pages.
    ///
    /// # Errors
    /// There is no such conversation, or no item with the id in `request`.
    pub(crate) async fn items_page(
        &self,
        id: String,
        request: PageRequest,
    ) -> Result<Page<Value>, StoreError> {
        let items = self.items(id).await?;
        page_of(items, &request)
    }

    /// Takes an item out of a conversation, and returns what is left of that.
    ///
    /// # Errors
    /// There is no such conversation, or no such item in it.
    pub(crate) async fn forget_item(
        &self,
        id: String,
        item: String,
    ) -> Result<ConversationRecord, StoreError> {
        self.run(move |opened| {
            let (number, items) = all(&opened.database.begin_read()?, &id)?;
            let found = items.iter().find(|(_, found)| is(found, &item));
            let Some((place, _)) = found else {
                return Err(StoreError::missing("item", &item));
            };
            let change = opened.database.begin_write()?;
            let (_, mut record): (u64, ConversationRecord) = shelf::of_change(&change, &id)?;
            let mut table = change.open_table(ITEMS)?;
            let bytes = table
                .remove((number, *place))?
                .map(|item| item.value().len());
            drop(table);
            if let Some(bytes) = bytes {
                record.items = record.items.saturating_sub(1);
                record.bytes = record.bytes.saturating_sub(bytes as u64);
            }
            shelf::replace(&change, &record)?;
            change.commit()?;
            Ok(record)
        })
        .await
    }
}

/// The page of a whole list that is wanted.
///
/// # Errors
/// There is no item with the id in `request`.
pub(crate) fn page_of(
    mut items: Vec<Value>,
    request: &PageRequest,
) -> Result<Page<Value>, StoreError> {
    if request.order == super::Order::Descending {
        items.reverse();
    }
    let begin = match &request.after {
        None => 0,
        Some(after) => {
            let at = items.iter().position(|item| is(item, after));
            at.ok_or_else(|| StoreError::missing("item", after))? + 1
        }
    };
    let mut items = items.split_off(begin);
    let has_more = items.len() > request.limit;
    items.truncate(request.limit);
    Ok(Page { items, has_more })
}

/// Puts items at the end of a conversation; of one that is gone nothing is left.
pub(super) fn append(
    change: &WriteTransaction,
    id: &str,
    items: &[Value],
) -> Result<(), StoreError> {
    let (number, mut record) = match shelf::of_change::<ConversationRecord>(change, id) {
        Ok(found) => found,
        Err(StoreError::Missing { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut table = change.open_table(ITEMS)?;
    for item in items {
        let bytes = serde_json::to_vec(item)?;
        table.insert((number, record.next), bytes.as_slice())?;
        record.next += 1;
        record.items += 1;
        record.bytes += bytes.len() as u64;
    }
    drop(table);
    if record.items > MAX_ITEMS || record.bytes > MAX_BYTES {
        return Err(StoreError::Refused(format!(
            "a conversation has {MAX_ITEMS} items and {MAX_BYTES} bytes at most; take some items out or begin anew"
        )));
    }
    shelf::replace(change, &record)?;
    Ok(())
}

/// Makes the table.
pub(super) fn prepare(change: &WriteTransaction) -> Result<(), StoreError> {
    change.open_table(ITEMS)?;
    Ok(())
}

/// A conversation's number, and its items by theirs.
fn all(read: &ReadTransaction, id: &str) -> Result<(u64, Vec<(u64, Value)>), StoreError> {
    let (number, _): (u64, ConversationRecord) = shelf::get(read, id)?;
    let table = read.open_table(ITEMS)?;
    let range = table.range((number, 0)..=(number, u64::MAX))?;
    let items = range.map(|entry| {
        let (key, item) = entry?;
        Ok((key.value().1, serde_json::from_slice(item.value())?))
    });
    let items = items.collect::<Result<_, StoreError>>()?;
    Ok((number, items))
}

fn is(item: &Value, id: &str) -> bool {
    item.get("id").and_then(Value::as_str) == Some(id)
}
