//! The calls of one connection.

use std::time::Duration;

use engine::{EngineError, SamplingParams, TokenEvent, TokenLogprobs};
use futures::StreamExt;
use tokio::time::timeout;
use tonic::Code;

use super::fixture::{Bench, Server, all, model, request, undisturbed};
use crate::remote::proto;
use crate::remote::wire::{from_request, to_event};

fn long(max_tokens: u32, seed: u64) -> SamplingParams {
    SamplingParams {
        max_tokens,
        seed,
        ignore_eos: true,
        logprobs: Some(20),
        ..SamplingParams::default()
    }
}

/// The tokens alone: how many of the prompt were cached depends on who came before.
fn tokens(events: &[TokenEvent]) -> Vec<(u32, Option<TokenLogprobs>)> {
    let token = |event: &TokenEvent| match event {
        TokenEvent::Token { id, logprobs, .. } => Some((*id, logprobs.clone())),
        TokenEvent::Prompt(_) | TokenEvent::Done { .. } => None,
        TokenEvent::Failed(error) => panic!("{error}"),
    };
    events.iter().filter_map(token).collect()
}

#[tokio::test]
async fn another_version_is_told_so() {
    let mut server = Server::start(model()).await;
    let asked = proto::OpenRequest {
        protocol: 7,
        version: "9.9.9".to_owned(),
        config_json: String::new(),
    };
    let status = server.client.open(asked).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let ours = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "this replica is penstock {ours} and speaks version 1 of the protocol, but was asked in version 7 by \
         penstock 9.9.9; run the same version of penstock on both sides"
    );
    assert_eq!(status.message(), expected);
}

#[tokio::test]
async fn what_does_not_fit_the_model_is_refused() {
    let mut server = Server::start(model()).await;
    let mut message = from_request(&request(long(3, 0)), &[], 0);
    message.prompt = vec![1, 999];
    let status = server.client.generate(message).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "prompt has token id 999, but the model's ids are below 256"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_slows_its_own_stream_alone() {
    let bench = Bench::start([model()]).await;
    // More than the window of a stream, and then than that of a connection that all had to share.
    let unread = (0..8).map(|seed| (request(long(2000, seed)), seed));
    let mut unread: Vec<_> = unread
        .map(|(request, _)| (bench.replicas.submit(request.clone()).unwrap(), request))
        .collect();
    for (stream, _) in &mut unread {
        assert!(matches!(
            stream.next().await,
            Some(TokenEvent::Token { .. })
        ));
    }
    let quick = request(long(200, 99));
    let answer = all(bench.replicas.submit(quick.clone()).unwrap()).await;
    assert!(tokens(&answer) == tokens(&undisturbed(&quick)));
    let (stream, request) = unread.swap_remove(3);
    let rest = all(stream).await;
    assert!(tokens(&rest) == tokens(&undisturbed(&request)[1..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_cancels() {
    let (slow, latch) = model().with_latch();
    let bench = Bench::start([slow]).await;
    let mut stream = bench.replicas.submit(request(long(2000, 1))).unwrap();
    let go = async {
        latch.wait_async().await;
        latch.release();
    };
    let (event, ()) = tokio::join!(stream.next(), go);
    assert!(matches!(event, Some(TokenEvent::Token { .. })));
    drop(stream);
    assert_eq!(bench.serving(), None);
    assert_eq!(bench.replicas.stats().held_requests, 0);
    // The engine hears of it between two steps.
    while bench.engine(0).stats().counters.aborted == 0 {
        tokio::select! {
            Some(_) = latch.wait_async() => latch.release(),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(bench.engine(0).stats().held_requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_replica_takes_nothing_and_finishes_what_it_has() {
    let (slow, latch) = model().with_latch();
    let mut server = Server::start(slow).await;
    let asked = request(long(4, 1));
    let message = || from_request(&asked, &[], 0);
    let mut running = server
        .client
        .generate(message())
        .await
        .unwrap()
        .into_inner();
    assert!(latch.wait_async().await.is_some());
    let mut draining = server.client.clone();
    let mut drained = Box::pin(draining.drain(proto::DrainRequest {}));
    // Until it has heard that it drains, others are taken: they are dropped again.
    let patience = Duration::from_millis(20);
    loop {
        tokio::select! {
            biased;
            _ = &mut drained => panic!("it has a request"),
            asked = server.client.generate(message()) => {
                let mut events = asked.unwrap().into_inner();
                if let Ok(first) = timeout(patience, events.message()).await {
                    let first = to_event(first.unwrap().unwrap()).unwrap();
                    assert_eq!(first, TokenEvent::Failed(EngineError::ShuttingDown));
                    break;
                }
            }
        }
    }
    drop(latch);
    let mut count = 0;
    while let Some(event) = running.message().await.unwrap() {
        count += 1;
        assert!(!matches!(to_event(event).unwrap(), TokenEvent::Failed(_)));
    }
    assert_eq!(count, 5);
    drained.await.unwrap();
}
