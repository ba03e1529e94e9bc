//! A replica ends in the middle of an answer, and the reader cannot tell.

use engine::constraint::{Grammar, GrammarCompiler};
use engine::testing::Latch;
use engine::{EngineError, SamplingParams, TokenEvent};
use futures::StreamExt;
use tokio::task::JoinSet;

use super::fixture::{Bench, EOS, all, model, request, tokenizer, undisturbed};

const MOST: u32 = 12;

fn seeded() -> SamplingParams {
    SamplingParams {
        seed: 3,
        max_tokens: MOST,
        ignore_eos: true,
        logprobs: Some(2),
        repetition_penalty: 1.2,
        ..SamplingParams::default()
    }
}

/// Lets one step go, of whichever replica has one, and says whose it was.
async fn step(latches: &[Latch; 2]) -> usize {
    let [one, two] = latches;
    let at = tokio::select! {
        Some(_) = one.wait_async() => 0,
        Some(_) = two.wait_async() => 1,
    };
    latches[at].release();
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_event_another_replica_goes_on() {
    let scored = SamplingParams {
        prompt_logprobs: Some(1),
        ..seeded()
    };
    for params in [seeded(), scored] {
        let scores = params.prompt_logprobs.is_some();
        let request = request(params);
        let expected = undisturbed(&request);
        assert_eq!(expected.len(), MOST as usize + 1 + usize::from(scores));
        for count in 0..=MOST as usize {
            let ((one, first), (two, second)) = (model().with_latch(), model().with_latch());
            let latches = [first, second];
            let mut bench = Bench::start([one, two]).await;
            let mut stream = bench.replicas.submit(request.clone()).unwrap();
            let (mut found, mut serving) = (Vec::new(), None);
            while found.len() < count {
                // The first step says the prompt's log-probabilities and a token.
                if scores && found.len() == 1 {
                    found.extend(stream.next().await);
                    continue;
                }
                let (event, at) = tokio::join!(stream.next(), step(&latches));
                found.extend(event);
                serving = Some(at);
            }
            if let Some(serving) = serving {
                bench.kill(serving).await;
            }
            drop(latches);
            found.extend(all(stream).await);
            assert!(found == expected, "after {count}: {found:?}");
            let failovers = bench.replicas.status().failovers;
            // With its last token a replica may have said the end as well.
            if count + 1 < expected.len() {
                assert_eq!(failovers, u64::from(count > 0), "after {count}");
            }
            assert_eq!(bench.serving(), None, "no place is left behind");
            assert_eq!(bench.replicas.stats().held_requests, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_followed_from_where_it_was_left() {
    let form = Grammar::regex("[a-f]{3,9}(-[0-9]{2}){4}[x-z]{2,4}").unwrap();
    let compiler = GrammarCompiler::new(tokenizer(), vec![EOS]);
    let compiled = compiler.compile(&form).unwrap();
    let params = SamplingParams {
        max_tokens: 40,
        ..seeded()
    };
    let request = request(params).with_grammar(compiled);
    let expected = undisturbed(&request);
    assert!(expected.len() > 16, "{expected:?}");
    for count in [1, 4, 7, 12, 16] {
        let (slow, latch) = model().with_latch();
        let mut bench = Bench::start([slow]).await;
        let mut stream = bench.replicas.submit(request.clone()).unwrap();
        let mut found = Vec::new();
        while found.len() < count {
            let go = async {
                latch.wait_async().await;
                latch.release();
            };
            let (event, ()) = tokio::join!(stream.next(), go);
            found.extend(event);
        }
        bench.kill(0).await;
        drop(latch);
        bench.replace(0, model()).await;
        found.extend(all(stream).await);
        assert!(found == expected, "after {count}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_ends_two_replicas_is_refused() {
    let ((one, first), (two, second)) = (model().with_latch(), model().with_latch());
    let mut bench = Bench::start([one, two, model()]).await;
    // Goes before the engines that it holds, also where something fails.
    let latches = [first, second];
    let poison = request(seeded());
    let mut reading = JoinSet::new();
    reading.spawn(all(bench.replicas.submit(poison.clone()).unwrap()));
    let mut ended = [false; 2];
    while ended != [true; 2] {
        let at = tokio::select! {
            Some(_) = latches[0].wait_async() => 0,
            Some(_) = latches[1].wait_async() => 1,
            // The third took it, whose steps nobody holds.
            answer = reading.join_next() => {
                assert_eq!(answer.unwrap().unwrap(), undisturbed(&poison));
                reading.spawn(all(bench.replicas.submit(poison.clone()).unwrap()));
                continue;
            }
        };
        // It is in the middle of its first step.
        bench.kill(at).await;
        ended[at] = true;
    }
    let events = reading.join_next().await.unwrap().unwrap();
    let quarantined = EngineError::Quarantined { replicas: 2 };
    assert_eq!(events, [TokenEvent::Failed(quarantined.clone())]);
    drop(latches);
    assert_eq!(
        bench.replicas.submit(poison.clone()).unwrap_err(),
        quarantined
    );
    assert_eq!(bench.replicas.status().quarantined, 2);
    // The third lives, for whoever asks something else.
    let other = request(SamplingParams {
        max_tokens: 3,
        ..seeded()
    });
    let answer = all(bench.replicas.submit(other.clone()).unwrap()).await;
    assert_eq!(answer, undisturbed(&other));
}

#[tokio::test(start_paused = true)]
async fn with_nobody_left_it_fails_in_time() {
    let mut bench = Bench::start([model()]).await;
    bench.kill(0).await;
    let stream = bench.replicas.submit(request(seeded())).unwrap();
    let events = all(stream).await;
    let [TokenEvent::Failed(error @ EngineError::Lost(why))] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(why, "none was ready within 2 s");
    assert!(error.may_retry());
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_what_runs() {
    let (slow, latch) = model().with_latch();
    let mut bench = Bench::start([slow]).await;
    let mut reading = JoinSet::new();
    reading.spawn(all(bench.replicas.submit(request(seeded())).unwrap()));
    assert!(latch.wait_async().await.is_some());
    bench.replicas.shutdown();
    bench.kill(0).await;
    drop(latch);
    let events = reading.join_next().await.unwrap().unwrap();
    assert_eq!(events, [TokenEvent::Failed(EngineError::ShuttingDown)]);
    let refused = bench.replicas.submit(request(seeded())).unwrap_err();
    assert_eq!(refused, EngineError::ShuttingDown);
}
