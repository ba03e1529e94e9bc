//! Answers while they come.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use tokio::sync::Notify;

use super::stand_in::*;
use crate::payload::{AnswerEvent, Completion};
use crate::stage::generate::GenerateOptions;
use crate::stage::{Call, TokenCount};

#[tokio::test]
async fn pieces_are_handed_on_as_they_come_and_tokens_are_the_providers() {
    let go = Arc::new(Notify::new());
    let provider = Provider::doing(vec![vec![
        Act::Say(head() + ": a comment\n\n" + &says("")),
        Act::Say(says("Hel")),
        Act::Wait(Arc::clone(&go)),
        Act::Say(says("lo") + &ends("length")),
    ]])
    .await;
    let call = Call::new("1");
    let mut payload = ask(
        provider.options(),
        GenerateOptions::new("gpt"),
        asking(),
        &call,
    )
    .await
    .unwrap();
    let mut events = payload.take_answer().unwrap().into_stream();
    let first = events.next().await.unwrap().unwrap();
    assert_eq!(first, AnswerEvent::Text("Hel".to_owned()));
    go.notify_one();
    let rest: Vec<_> = events.map(Result::unwrap).collect().await;
    assert_eq!(
        rest,
        [
            AnswerEvent::Text("lo".to_owned()),
            AnswerEvent::Finished(Completion::Length)
        ]
    );
    let spent = TokenCount {
        prompt: 9,
        cached: 3,
        completion: 4,
    };
    assert_eq!(call.tokens(), spent);
    provider.requests().await;
}

#[tokio::test]
async fn a_given_up_answer_closes_the_connection_and_is_counted_as_far_as_it_went() {
    let provider = Provider::doing(vec![vec![
        Act::Say(head() + &says("one") + &says(" two")),
        Act::UntilLeft,
    ]])
    .await;
    let call = Call::new("1");
    let mut payload = ask(
        provider.options(),
        GenerateOptions::new("gpt"),
        asking(),
        &call,
    )
    .await
    .unwrap();
    let mut events = payload.take_answer().unwrap().into_stream();
    events.next().await.unwrap().unwrap();
    drop(events);
    // It has seen that we left, else this would not end.
    provider.requests().await;
    assert_eq!(call.tokens().completion, 1);
}

#[tokio::test]
async fn an_end_that_is_said_is_an_end_whatever_follows() {
    let finish = frame(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
    // Neither usage nor `[DONE]`, and a connection that breaks.
    let answer = chunked_head() + &chunk(&(says("Hello") + &finish));
    let provider = Provider::answering([answer]).await;
    let call = Call::new("1");
    let mut payload = ask(
        provider.options(),
        GenerateOptions::new("gpt"),
        asking(),
        &call,
    )
    .await
    .unwrap();
    let text = payload.take_answer().unwrap().text().await.unwrap();
    assert_eq!(text, "Hello");
    assert_eq!(call.tokens().completion, 1, "what was seen");
}

#[tokio::test]
async fn other_choices_and_refusals_are_told_apart() {
    let both = json!({"choices": [
        {"index": 1, "delta": {"content": "no"}},
        {"index": 0, "delta": {"role": "assistant", "content": null, "refusal": "I cannot."}},
    ]});
    let provider = Provider::answering([head() + &frame(&both) + &ends("stop")]).await;
    assert_eq!(answer_of(provider.options()).await.unwrap(), "I cannot.");
}
