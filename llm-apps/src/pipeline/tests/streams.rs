//! Answers that pass through while they are made.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::sleep;

use super::fixture::{Deployed, deploy};
use crate::payload::{Answer, AnswerEvent, Completion, Payload};
use crate::pipeline::Pipeline;
use crate::stage::{Call, StageError};

/// Says three words, one a second.
fn speaker() -> Deployed {
    deploy("speaker", |mut payload: Payload| async move {
        let words = ["one ", "two ", "three"].map(|word| AnswerEvent::Text(word.to_owned()));
        let events = words
            .into_iter()
            .chain([AnswerEvent::Finished(Completion::Stop)]);
        let events = futures::stream::iter(events).then(|event| async move {
            sleep(Duration::from_secs(1)).await;
            Ok::<_, StageError>(event)
        });
        payload.set_answer(Answer::new(events));
        Ok(payload)
    })
}

/// Shouts whatever passes through it.
fn shouting() -> Deployed {
    deploy("shouting", |mut payload: Payload| async move {
        let Some(answer) = payload.take_answer() else {
            return Err(StageError::failed("there is nothing to shout"));
        };
        let louder = answer.into_stream().map(|event| {
            event.map(|event| match event {
                AnswerEvent::Text(text) => AnswerEvent::Text(text.to_uppercase()),
                end @ AnswerEvent::Finished(_) => end,
            })
        });
        payload.set_answer(Answer::new(louder));
        Ok(payload)
    })
}

#[tokio::test(start_paused = true)]
async fn an_answer_streams_through_and_holds_its_places_until_it_is_read() {
    let (speaker, shouting) = (speaker(), shouting());
    let pipeline = Pipeline::new(vec![speaker.step(), shouting.streaming_step()]);
    let call = Call::new("r");
    let mut end = pipeline.run(Payload::new(), &call).await.unwrap();
    let mut answer = end.take_answer().unwrap().into_stream();
    let first = answer.next().await.unwrap().unwrap();
    assert_eq!(first, AnswerEvent::Text("ONE ".to_owned()));

    // Its place is taken: another request waits for the end of this answer.
    let hurried = Call::new("r").with_timeout(Duration::from_millis(500));
    assert!(pipeline.run(Payload::new(), &hurried).await.is_err());
    let rest: Vec<_> = answer.collect().await;
    assert_eq!(rest.len(), 3);
    speaker.idle().await;
    shouting.idle().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_answer_frees_every_place() {
    let (speaker, shouting) = (speaker(), shouting());
    let pipeline = Pipeline::new(vec![speaker.step(), shouting.streaming_step()]);
    let end = pipeline.run(Payload::new(), &Call::new("r")).await.unwrap();
    drop(end);
    speaker.idle().await;
    shouting.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_takes_no_stream_gets_the_whole_answer() {
    let speaker = speaker();
    let reader = deploy("reader", |mut payload: Payload| async move {
        let length = payload.text("answer")?.len();
        payload.set("length", length);
        Ok(payload)
    });
    let pipeline = Pipeline::new(vec![speaker.step(), reader.step()]);
    let end = pipeline.run(Payload::new(), &Call::new("r")).await.unwrap();
    assert_eq!(end.get("length"), Some(&13.into()));
    assert_eq!(end.text("answer").unwrap(), "one two three");
}
