//! Generation as a stage: from variables to an answer.

use std::sync::Arc;

use engine::{EngineConfig, EngineError, ModelError, SamplingParams};
use futures::StreamExt;
use serde_json::json;

use super::fixture::*;
use crate::payload::{AnswerEvent, Completion, Kind, Payload};
use crate::stage::generate::{
    GenerateDefaults, GenerateError, GenerateInput, GenerateOptions, GenerateStage, TextModel,
};
use crate::stage::{Call, Stage, StageError, TokenCount};

fn defaults() -> GenerateDefaults {
    GenerateDefaults {
        params: SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        },
        max_tokens: Some(100),
        seed: Arc::new(|| 7),
        unix_time: Arc::new(|| 0),
    }
}

fn stage(model: &TextModel, options: GenerateOptions) -> GenerateStage {
    GenerateStage::new(options, model.clone(), defaults()).unwrap()
}

fn asked(question: &str) -> Payload {
    let mut payload = Payload::new();
    payload.set("messages", json!([{"role": "user", "content": question}]));
    payload.set("prompt", question);
    payload
}

#[tokio::test]
async fn the_answer_comes_in_pieces_and_is_counted_at_its_end() {
    let model = saying([vec![word("Hello"), word(" wor")], bytes("ld")].concat());
    let call = Call::new("1");
    let options = GenerateOptions {
        input: GenerateInput::Prompt("prompt".to_owned()),
        ..GenerateOptions::new("fake")
    };
    assert_eq!(options.signature().reads["prompt"], Kind::Text);
    let mut payload = stage(&model, options)
        .call(asked("ab"), &call)
        .await
        .unwrap();
    let events: Vec<_> = payload.take_answer().unwrap().into_stream().collect().await;
    let texts: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Ok(AnswerEvent::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(texts.len() > 1, "{texts:?}");
    assert_eq!(texts.concat(), "Hello world");
    assert!(matches!(
        events.last(),
        Some(Ok(AnswerEvent::Finished(Completion::Stop)))
    ));
    // The beginning token and two bytes; four tokens and the one that ends.
    let spent = TokenCount {
        prompt: 3,
        cached: 0,
        completion: 5,
    };
    assert_eq!(call.tokens(), spent);
}

#[tokio::test]
async fn a_conversation_is_written_by_the_chat_template() {
    // Answers with the last byte of the prompt's question, which stands before `<|im_end|>`.
    let model = saying(bytes("yes"));
    let mut payload = stage(&model, GenerateOptions::new("fake"))
        .call(asked("Is it?"), &Call::new("1"))
        .await
        .unwrap();
    payload.complete().await.unwrap();
    assert_eq!(payload.text("answer").unwrap(), "yes");
}

#[tokio::test]
async fn its_own_options_stand_over_the_models_defaults() {
    let model = saying(bytes("one. two. three."));
    let options = GenerateOptions {
        stop: vec![" t".to_owned()],
        max_tokens: Some(50),
        output: "summary".to_owned(),
        ..GenerateOptions::new("fake")
    };
    let payload = stage(&model, options)
        .call(asked("x"), &Call::new("1"))
        .await
        .unwrap();
    assert_eq!(
        payload.text("summary").unwrap(),
        "one.",
        "another variable is complete"
    );

    let options = GenerateOptions {
        max_tokens: Some(3),
        ..GenerateOptions::new("fake")
    };
    let mut payload = stage(&model, options)
        .call(asked("x"), &Call::new("1"))
        .await
        .unwrap();
    let events: Vec<_> = payload.take_answer().unwrap().into_stream().collect().await;
    assert!(matches!(
        events.last(),
        Some(Ok(AnswerEvent::Finished(Completion::Length)))
    ));
}

#[tokio::test]
async fn each_request_has_a_seed_unless_one_is_set() {
    let options = GenerateOptions {
        temperature: Some(1.5),
        seed: Some(3),
        ..GenerateOptions::new("fake")
    };
    let params = options.params(&SamplingParams::default());
    assert_eq!(
        (params.seed, params.temperature.to_bits()),
        (3, 1.5_f32.to_bits())
    );
    let stage = stage(&drawing(), GenerateOptions::new("fake"));
    assert_eq!(stage.request(&asked("x")).unwrap().params.seed, 7);
}

#[tokio::test]
async fn a_given_up_answer_is_cancelled_and_counted_as_far_as_it_went() {
    let script = bytes(&"x".repeat(200));
    let (fake, latch) = fake().scripted(script, EOS).with_latch();
    let model = model_on(fake, &EngineConfig::default());
    let call = Call::new("1");
    let options = GenerateOptions {
        max_tokens: Some(200),
        ..GenerateOptions::new("fake")
    };
    let mut payload = stage(&model, options)
        .call(asked("Once"), &call)
        .await
        .unwrap();
    let mut events = payload.take_answer().unwrap().into_stream();
    latch.wait_async().await.expect("a step");
    latch.release();
    assert!(matches!(
        events.next().await,
        Some(Ok(AnswerEvent::Text(_)))
    ));
    latch.wait_async().await.expect("a step");
    drop(events);
    latch.release();
    let probe = model
        .submit(&model.prepare(asking("Twice")).await.unwrap())
        .unwrap();
    drop(latch);
    read(probe, 1).await;
    assert_eq!(model.engine().stats().counters.aborted, 1);
    let spent = call.tokens();
    assert!(
        spent.prompt > 4 && (1..=2).contains(&spent.completion),
        "{spent:?}"
    );
}

#[tokio::test]
async fn what_goes_wrong_keeps_its_kind() {
    let broken = fake().on_step(|_| {
        Err(ModelError::Plan {
            why: "lost".to_owned(),
        })
    });
    let model = model_on(broken, &EngineConfig::default());
    let mut payload = stage(&model, GenerateOptions::new("fake"))
        .call(asked("x"), &Call::new("1"))
        .await
        .unwrap();
    let error = payload.complete().await.unwrap_err();
    assert!(matches!(
        error,
        StageError::Generate(GenerateError::Engine(EngineError::Model(_)))
    ));

    let stage = stage(&model, GenerateOptions::new("fake"));
    let missing = stage
        .call(Payload::new(), &Call::new("1"))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, StageError::Invalid { param: Some(param), .. } if param == "messages")
    );
    let long = stage
        .call(asked(&"x".repeat(300)), &Call::new("1"))
        .await
        .unwrap_err();
    assert!(matches!(long, StageError::Generate(error) if error.kind() == "context_length"));
    model.engine().shutdown();
    let gone = stage.call(asked("x"), &Call::new("1")).await.unwrap_err();
    assert!(gone.may_retry(), "{gone}");
}

#[tokio::test]
async fn the_clients_wishes_go_before_the_options_but_never_beyond_their_length() {
    let model = saying(bytes("yes"));
    let options = GenerateOptions {
        max_tokens: Some(50),
        temperature: Some(0.5),
        stop: vec!["END".to_owned()],
        ..GenerateOptions::new("fake")
    };
    let mut payload = asked("ab");
    payload.set(
        "request",
        json!({"temperature": 1.5, "max_tokens": 80, "seed": 3, "stop": ["STOP"], "question": "ab"}),
    );
    let request = stage(&model, options.clone()).request(&payload).unwrap();
    assert!((request.params.temperature - 1.5).abs() < f32::EPSILON);
    assert_eq!((request.params.seed, request.max_tokens), (3, Some(50)));
    assert_eq!(request.stop, ["END", "STOP"]);

    // A stage that makes something else than the answer is the application's own affair.
    let options = GenerateOptions {
        output: "summary".to_owned(),
        ..options
    };
    let request = stage(&model, options.clone()).request(&payload).unwrap();
    assert!((request.params.temperature - 0.5).abs() < f32::EPSILON);

    payload.set("request", json!({"seed": "seven"}));
    let options = GenerateOptions::new("fake");
    let error = stage(&model, options).request(&payload).unwrap_err();
    assert!(matches!(error, StageError::Invalid { .. }), "{error:?}");
}
