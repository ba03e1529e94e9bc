//! What is kept of responses, how many, and what a process leaves that ends in their middle.

use tempfile::TempDir;

use super::*;
use crate::store::ConversationRecord;

const ROOM: Room = Room {
    responses: 3,
    bytes: 1 << 20,
    seconds: 100,
};

fn record(id: &str, created_at: u64, status: ResponseStatus) -> ResponseRecord {
    ResponseRecord {
        id: id.to_owned(),
        created_at,
        completed_at: None,
        status,
        error: None,
        asked: Map::new(),
        background: true,
        previous_response_id: None,
        conversation: None,
        input: vec![serde_json::json!({"id": format!("msg_{id}"), "content": []})],
        output: vec![OutputItem {
            id: format!("msg_{id}_out"),
            text: "Yes".to_owned(),
            ends: vec![1, 3],
            whole: true,
            ..OutputItem::default()
        }],
        usage: None,
        sources: Value::Null,
    }
}

/// The ids of those that are there.
fn ids(opened: &Opened) -> Vec<String> {
    let read = opened.database.begin_read().unwrap();
    let all: Vec<ResponseRecord> = shelf::all(&read).unwrap();
    all.into_iter().map(|record| record.id).collect()
}

fn total(opened: &Opened) -> (u64, u64) {
    let read = opened.database.begin_read().unwrap();
    let counted = read.open_table(SIZES).unwrap().get(TOTAL).unwrap();
    let all: Vec<ResponseRecord> = shelf::all(&read).unwrap();
    let bytes = all
        .iter()
        .map(|r| serde_json::to_vec(r).unwrap().len() as u64);
    (counted.map_or(0, |c| c.value()), bytes.sum())
}

#[test]
fn the_oldest_go_where_there_is_no_room_and_when_their_time_is_over() {
    let folder = TempDir::new().unwrap();
    let opened = Opened::open(folder.path()).unwrap();
    let completed = ResponseStatus::Completed;
    for (id, at) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        opened
            .keep_response(&record(id, at, completed), ROOM)
            .unwrap();
    }
    assert_eq!(ids(&opened), ["b", "c", "d"]);
    // Of one that is kept again there is one, in its old place.
    opened
        .keep_response(&record("b", 2, ResponseStatus::Failed), ROOM)
        .unwrap();
    assert_eq!(ids(&opened), ["b", "c", "d"]);
    opened
        .keep_response(&record("e", 103, completed), ROOM)
        .unwrap();
    assert_eq!(ids(&opened), ["d", "e"]);
    let (counted, bytes) = total(&opened);
    assert_eq!(counted, bytes);
    let small = Room { bytes: 10, ..ROOM };
    opened
        .keep_response(&record("f", 104, completed), small)
        .unwrap();
    assert_eq!(ids(&opened), ["f"], "the newest stays, however long");
    let (counted, bytes) = total(&opened);
    assert_eq!(counted, bytes);
}

#[test]
fn what_a_process_left_unfinished_has_failed() {
    let folder = TempDir::new().unwrap();
    let opened = Opened::open(folder.path()).unwrap();
    for (id, status) in [
        ("a", ResponseStatus::Queued),
        ("b", ResponseStatus::InProgress),
        ("c", ResponseStatus::InProgress),
        ("d", ResponseStatus::Cancelled),
    ] {
        opened
            .keep_response(
                &record(id, 1, status),
                Room {
                    responses: 9,
                    ..ROOM
                },
            )
            .unwrap();
    }
    let done = record("b", 1, ResponseStatus::Completed);
    opened.keep_response(&done, ROOM).unwrap();
    drop(opened);
    let opened = Opened::open(folder.path()).unwrap();
    let read = opened.database.begin_read().unwrap();
    let of = |id| one(&read, id, 0).unwrap();
    assert_eq!(of("b"), done);
    assert_eq!(of("d").status, ResponseStatus::Cancelled);
    let failed = of("c");
    assert_eq!(failed.status, ResponseStatus::Failed);
    assert_eq!(failed.error.unwrap().code, "server_error");
    let (counted, bytes) = total(&opened);
    assert_eq!(counted, bytes);
}

#[test]
fn what_went_before_is_found_or_what_is_lost_is_named() {
    let opened = Opened::in_memory().unwrap();
    let mut last = None;
    for id in ["a", "b", "c"] {
        let mut next = record(id, 1, ResponseStatus::Completed);
        next.previous_response_id = last.replace(id.to_owned());
        opened.keep_response(&next, ROOM).unwrap();
    }
    let read = opened.database.begin_read().unwrap();
    let Earlier::Responses(all) = up_to(&read, "c".to_owned(), 0).unwrap() else {
        panic!("lost");
    };
    let ids: Vec<_> = all.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    drop(read);
    let change = opened.database.begin_write().unwrap();
    shelf::remove::<ResponseRecord>(&change, "a").unwrap();
    change.commit().unwrap();
    let read = opened.database.begin_read().unwrap();
    let found = up_to(&read, "c".to_owned(), 0).unwrap();
    assert_eq!(found, Earlier::Lost("a".to_owned()));
}

#[tokio::test]
async fn a_conversation_gets_what_was_said_and_nothing_else() {
    let store = Store::in_memory();
    let conversation = ConversationRecord {
        id: "conv_a".to_owned(),
        created_at: 1,
        metadata: Value::Null,
        items: 0,
        bytes: 0,
        next: 0,
    };
    store
        .add_conversation(conversation.clone(), Vec::new(), 1)
        .await
        .unwrap();
    let again = store.add_conversation(conversation, Vec::new(), 1).await;
    assert!(matches!(again, Err(StoreError::Refused(_))));
    for status in [ResponseStatus::Failed, ResponseStatus::Incomplete] {
        let mut said = record("a", 1, status);
        said.conversation = Some("conv_a".to_owned());
        store.keep_response(said, ROOM).await.unwrap();
    }
    let items = store.items("conv_a".to_owned()).await.unwrap();
    assert_eq!(items.len(), 2);
    store
        .forget_conversation("conv_a".to_owned())
        .await
        .unwrap();
    let gone = store.items("conv_a".to_owned()).await;
    assert!(matches!(gone, Err(StoreError::Missing { .. })));
    let lost = store.append("conv_a".to_owned(), items).await;
    assert_eq!(lost, Ok(()), "what is forgotten stays so");
}
