//! Several answers to one prompt.

use engine::{EngineConfig, EngineError};

use super::fixture::*;
use crate::stage::generate::{GenerateError, TextRequest};

fn three(seed: u64) -> TextRequest {
    let mut request = TextRequest {
        n: 3,
        max_tokens: Some(24),
        stop: vec!["\n".to_owned()],
        ..asking("Once")
    };
    request.params.temperature = 1.0;
    request.params.seed = seed;
    request.params.logprobs = Some(2);
    request
}

#[tokio::test]
async fn choices_differ_and_the_seed_brings_them_back() {
    let first = ask(&drawing(), three(7)).await;
    assert_eq!(first, ask(&drawing(), three(7)).await);
    assert_ne!(first, ask(&drawing(), three(8)).await);
    assert_ne!(first[0].ids(), first[1].ids());
    assert_ne!(first[1].ids(), first[2].ids());
}

#[tokio::test]
async fn a_choice_does_not_depend_on_the_others() {
    let alone = ask_one(&drawing(), TextRequest { n: 1, ..three(7) }).await;
    let among = ask(&drawing(), three(7)).await;
    assert_eq!(alone.ids(), among[0].ids());
    assert_eq!(alone.tokens, among[0].tokens);
    assert_eq!(alone.text, among[0].text);
}

#[tokio::test]
async fn either_all_choices_are_taken_or_none() {
    let config = EngineConfig {
        max_requests: 2,
        ..EngineConfig::default()
    };
    let (fake, latch) = fake().with_latch();
    let model = model_on(fake, &config);
    let prepared = model.prepare(three(7)).await.unwrap();
    let refused = model.submit(&prepared).expect_err("three do not fit");
    assert!(matches!(
        refused,
        GenerateError::Engine(EngineError::Full { limit: 2 })
    ));
    assert!(refused.may_retry() && !refused.is_request_fault());
    // The two that were taken are cancelled by the next step.
    drop(latch);
    loop {
        match model.submit(
            &model
                .prepare(TextRequest { n: 2, ..three(7) })
                .await
                .unwrap(),
        ) {
            Ok(stream) => {
                read(stream, 2).await;
                break;
            }
            Err(error) => assert!(error.may_retry(), "{error}"),
        }
        tokio::task::yield_now().await;
    }
}
