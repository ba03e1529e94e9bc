//! Answers, options, and the reading of what comes out.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::{Value, json};

use crate::payload::{Answer, AnswerEvent, Completion, Payload};
use crate::stage::validate::{Forbidden, Judge, OnFailure, ValidateOptions, ValidateStage};
use crate::stage::{Call, Stage, StageError};

/// Forbids texts and patterns.
pub(super) fn forbidding(texts: &[&str], patterns: &[&str]) -> ValidateOptions {
    let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    ValidateOptions {
        forbidden: Some(Forbidden::new(&owned(texts), &owned(patterns)).unwrap()),
        ..ValidateOptions::default()
    }
}

/// The same, repaired where that can be.
pub(super) fn repairing(options: ValidateOptions) -> ValidateOptions {
    ValidateOptions {
        on_failure: OnFailure {
            repair: true,
            ..options.on_failure
        },
        ..options
    }
}

pub(super) fn stage(options: ValidateOptions) -> ValidateStage {
    ValidateStage::new(options, None).unwrap()
}

/// An answer that comes in these pieces.
pub(super) fn pieces(pieces: &[&str]) -> Answer {
    let texts = pieces
        .iter()
        .map(|piece| Ok(AnswerEvent::Text((*piece).to_owned())));
    let end = Ok(AnswerEvent::Finished(Completion::Stop));
    Answer::new(futures::stream::iter(
        texts.chain([end]).collect::<Vec<_>>(),
    ))
}

/// The payload behind the stage, for an answer that is complete.
pub(super) async fn check(options: ValidateOptions, answer: &str) -> Result<Payload, StageError> {
    check_with(options, None, json!({"answer": answer})).await
}

pub(super) async fn check_with(
    options: ValidateOptions,
    judge: Option<Arc<dyn Judge>>,
    variables: Value,
) -> Result<Payload, StageError> {
    let Value::Object(variables) = variables else {
        panic!("{variables} is no object")
    };
    let stage = ValidateStage::new(options, judge).unwrap();
    stage.call(Payload::of(variables), &Call::new("test")).await
}

/// The payload behind the stage, for an answer that is being made.
pub(super) async fn stream(
    options: ValidateOptions,
    answer: Answer,
) -> Result<Payload, StageError> {
    let mut payload = Payload::new();
    payload.set_answer(answer);
    stage(options).call(payload, &Call::new("test")).await
}

/// What was passed on, piece by piece, and how it ended.
pub(super) async fn read(mut payload: Payload) -> (Vec<String>, Result<Completion, StageError>) {
    let answer = payload.take_answer().expect("an answer that is being made");
    let mut events = answer.into_stream();
    let mut texts = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(AnswerEvent::Text(text)) => {
                assert!(!text.is_empty());
                texts.push(text);
            }
            Ok(AnswerEvent::Finished(completion)) => {
                assert!(events.next().await.is_none());
                return (texts, Ok(completion));
            }
            Err(error) => {
                assert!(events.next().await.is_none());
                return (texts, Err(error));
            }
        }
    }
    panic!("the answer has no end")
}

pub(super) fn verdict<'a>(payload: &'a Payload, key: &str) -> &'a Value {
    &payload.get("verdict").expect("a verdict")[key]
}

pub(super) fn code(error: &StageError) -> &str {
    let StageError::Refused { code, .. } = error else {
        panic!("{error:?} is no refusal")
    };
    code
}
