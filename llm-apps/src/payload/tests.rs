//! Variables, kinds, and answers that are being made.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;

use super::{Answer, AnswerEvent, Completion, Kind, Passage, Payload, Signature};
use crate::stage::StageError;

#[test]
fn a_stage_that_finds_not_what_it_needs_says_what_there_is() {
    let scope = BTreeMap::from([
        ("question".to_owned(), Kind::Text),
        ("found".to_owned(), Kind::Passages),
    ]);
    let stage = Signature::default()
        .reads("question", Kind::Messages)
        .reads("found", Kind::List)
        .reads("passages", Kind::Passages);
    let said: Vec<_> = stage
        .faults(&scope)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "needs `passages`, which no stage before it makes; there are found, question",
            "needs `question` to be messages, but it is a text",
        ]
    );
}

#[test]
fn kinds_hold_what_their_names_say() {
    let messages = json!([{"role": "user", "content": "Hi"}]);
    assert!(Kind::Messages.holds(&messages) && Kind::List.holds(&messages));
    assert!(!Kind::Passages.holds(&messages));
    assert!(!Kind::Messages.holds(&json!([{"content": "Hi"}])));
    assert!(Kind::Text.holds(&json!("a")) && !Kind::Text.holds(&json!(1)));
}

#[test]
fn a_variable_reads_as_a_type_or_says_what_it_is() {
    let mut payload = Payload::new();
    payload.set(
        "passages",
        json!([{"id": "1", "text": "t", "source": "s.md", "score": 0.5}]),
    );
    let passages: Vec<Passage> = payload.read("passages").unwrap();
    assert_eq!(passages[0].source, "s.md");
    payload.set("question", 5);
    let said = payload.text("question").unwrap_err().to_string();
    assert_eq!(said, "the variable `question` must be a text, but is 5");
    assert!(payload.text("answer").is_err());
}

#[tokio::test]
async fn an_answer_holds_its_guard_to_its_end() {
    let guard = Arc::new(());
    let mut events = Answer::of("yes").holding(Arc::clone(&guard)).into_stream();
    assert!(matches!(events.next().await, Some(Ok(AnswerEvent::Text(text))) if text == "yes"));
    assert_eq!(Arc::strong_count(&guard), 2);
    let end = events.next().await;
    assert!(matches!(
        end,
        Some(Ok(AnswerEvent::Finished(Completion::Stop)))
    ));
    assert_eq!(
        Arc::strong_count(&guard),
        1,
        "before the reader has seen that nothing follows"
    );

    drop(Answer::of("no").holding(Arc::clone(&guard)));
    assert_eq!(Arc::strong_count(&guard), 1);
}

#[tokio::test]
async fn completing_makes_a_variable_of_the_answer_or_its_error() {
    let mut payload = Payload::new();
    payload.set_answer(Answer::of("yes"));
    assert_eq!(payload.get("answer"), None);
    payload.complete().await.unwrap();
    assert_eq!(payload.text("answer").unwrap(), "yes");

    let broken = futures::stream::iter([
        Ok(AnswerEvent::Text("half".to_owned())),
        Err(StageError::failed("lost")),
    ]);
    payload.set_answer(Answer::new(broken));
    assert_eq!(payload.complete().await.unwrap_err().to_string(), "lost");
    assert_eq!(payload.get("answer"), None, "half an answer is none");
}
