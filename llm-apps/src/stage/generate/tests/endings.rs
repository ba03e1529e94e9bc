//! How streams end before their answer does.

use engine::{EngineConfig, EngineError, ModelError};
use futures::StreamExt;

use super::fixture::*;
use crate::stage::generate::{TextEvent, TextRequest};

#[tokio::test]
async fn dropping_the_stream_cancels_every_choice() {
    let (fake, latch) = fake().with_latch();
    let model = model_on(fake, &EngineConfig::default());
    let request = TextRequest {
        n: 3,
        ..asking("Once")
    };
    let prepared = model.prepare(request).await.unwrap();
    let stream = model.submit(&prepared).unwrap();
    latch.wait_async().await.expect("a step");
    assert_eq!(model.engine().stats().held_requests, 3);
    drop(stream);
    latch.release();
    // The next step begins by looking for streams that are gone; this one's request follows them.
    let probe = model
        .submit(&model.prepare(asking("Twice")).await.unwrap())
        .unwrap();
    drop(latch);
    let answer = read(probe, 1).await;
    assert!(answer[0].end.is_some());
    let stats = model.engine().stats();
    assert_eq!(stats.counters.aborted, 3);
    assert_eq!(
        (stats.num_running, stats.num_waiting, stats.held_requests),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn a_stop_string_cancels_its_choice_at_once() {
    let script = [bytes("a."), bytes(&"x".repeat(200))].concat();
    let (fake, latch) = fake().scripted(script, EOS).with_latch();
    let model = model_on(fake, &EngineConfig::default());
    let request = TextRequest {
        stop: vec![".".to_owned()],
        max_tokens: Some(200),
        ..asking("Once")
    };
    let mut stream = model
        .submit(&model.prepare(request).await.unwrap())
        .unwrap();
    for _ in 0..2 {
        latch.wait_async().await.expect("a step");
        latch.release();
    }
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(TextEvent::Finished { .. })), "{last:?}");
    // The stream is still there, and the engine, held in its third step at the latest, stops anyway.
    let probe = TextRequest {
        max_tokens: Some(1),
        ..asking("Twice")
    };
    let probe = model.submit(&model.prepare(probe).await.unwrap()).unwrap();
    drop(latch);
    read(probe, 1).await;
    assert_eq!(model.engine().stats().counters.aborted, 1);
    drop(stream);
}

#[tokio::test]
async fn a_failing_model_ends_each_choice_in_one_failure() {
    let broken = fake().on_step(|_| {
        Err(ModelError::Plan {
            why: "broken".to_owned(),
        })
    });
    let model = model_on(broken, &EngineConfig::default());
    let request = TextRequest {
        n: 2,
        echo: true,
        ..asking("Once")
    };
    for answer in ask(&model, request).await {
        assert_eq!(answer.prompt, None, "a failure comes before anything else");
        assert!(matches!(
            answer.end,
            Some(TextEvent::Failed {
                error: EngineError::Model(_),
                ..
            })
        ));
    }
}

#[tokio::test]
async fn shutting_down_ends_what_runs_and_refuses_what_comes() {
    let (fake, latch) = fake().with_latch();
    let model = model_on(fake, &EngineConfig::default());
    let prepared = model.prepare(asking("Once")).await.unwrap();
    let stream = model.submit(&prepared).unwrap();
    latch.wait_async().await.expect("a step");
    drop(latch);
    model.engine().shutdown();
    let answer = read(stream, 1).await.remove(0);
    let ended = matches!(
        answer.end,
        Some(
            TextEvent::Finished { .. }
                | TextEvent::Failed {
                    error: EngineError::ShuttingDown,
                    ..
                }
        )
    );
    assert!(ended, "{answer:?}");
    let refused = model.submit(&prepared).expect_err("refused");
    assert!(refused.may_retry());
    assert_eq!(refused.kind(), "shutting_down");
}
