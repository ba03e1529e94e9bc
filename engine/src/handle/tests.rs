//! An engine as its users see it: threads, streams, latches, and no sleeping.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::config::{EngineConfig, Speculation, SpeculationMethod};
use crate::error::EngineError;
use crate::event::{FinishReason, TokenEvent};
use crate::handle::{Engine, StartError, TokenStream};
use crate::model::ModelError;
use crate::request::{GenerateRequest, ModelLimits, SamplingParams};
use crate::testing::{FakeModel, FakeToken};

const LIMITS: ModelLimits = ModelLimits {
    vocab_size: 1000,
    max_model_len: 1024,
};
const EOS: u32 = 2;
const NUM_BLOCKS: usize = 640;

fn model() -> FakeModel {
    FakeModel::new(LIMITS, NUM_BLOCKS)
}

fn start(model: FakeModel, config: &EngineConfig) -> Engine {
    Engine::start(Box::new(model), vec![EOS], config).expect("the test's configuration is valid")
}

fn request(prompt: Vec<u32>, max_tokens: u32) -> GenerateRequest {
    let params = SamplingParams {
        max_tokens,
        ignore_eos: true,
        ..SamplingParams::default()
    };
    GenerateRequest::new(prompt.into(), 0, Arc::new(params), &LIMITS)
        .expect("the test's request is valid")
}

fn read_all(mut stream: TokenStream) -> Vec<TokenEvent> {
    std::iter::from_fn(|| stream.recv()).collect()
}

fn end_of(stream: TokenStream) -> TokenEvent {
    read_all(stream).pop().expect("a stream ends in an event")
}

fn is_done(event: &TokenEvent) -> bool {
    matches!(event, TokenEvent::Done { .. })
}

#[test]
fn sixty_four_streams_finish() {
    let engine = start(model(), &EngineConfig::default());
    let answers: Vec<_> = thread::scope(|scope| {
        let readers: Vec<_> = (0..64)
            .map(|i| {
                let engine = engine.clone();
                scope.spawn(move || {
                    let prompt: Vec<u32> = (0..20 + i).collect();
                    read_all(engine.submit(request(prompt, 40)).unwrap())
                })
            })
            .collect();
        readers.into_iter().map(|r| r.join().unwrap()).collect()
    });
    for events in answers {
        assert_eq!(events.len(), 41);
        let TokenEvent::Done { reason, usage } = events[40] else {
            panic!("{:?}", events[40]);
        };
        assert_eq!(
            (reason, usage.completion_tokens),
            (FinishReason::Length, 40)
        );
    }
    let stats = engine.stats();
    assert_eq!((stats.held_requests, stats.blocks.used), (0, 0));
    assert_eq!(stats.counters.finished_length, 64);
}

#[test]
fn sixty_four_that_vanish_leave_nothing_within_one_step() {
    let (model, latch) = model().with_latch();
    let config = EngineConfig {
        max_num_seqs: 32,
        max_requests: 65,
        // A slow machine's steps must not make the next ones smaller.
        target_itl: Duration::from_secs(3600),
        ..EngineConfig::default()
    };
    let engine = start(model, &config);
    // A test that fails lets the model go before it joins the engine.
    let latch = latch;
    let submit = |i: u32| engine.submit(request((i..i + 30).collect(), 500)).unwrap();
    // The first step is held, with whoever had come by then; the others are all there by the second.
    let mut streams = vec![submit(0)];
    latch.wait().unwrap();
    streams.extend((1..64).map(submit));
    latch.release();
    latch.wait().unwrap();
    latch.release();
    let mid_stream = latch.wait().unwrap();
    assert_eq!(mid_stream.sequences.len(), 32);
    assert!(matches!(streams[0].recv(), Some(TokenEvent::Token { .. })));

    // They go away while a step is computed; one stays, behind them in the queue.
    drop(streams);
    let stays = submit(900);
    assert_eq!(engine.stats().held_requests, 65);
    latch.release();
    let next = latch.wait().unwrap();
    assert_eq!(
        next.sequences.len(),
        1,
        "slots are free before the next plan"
    );
    assert_eq!(engine.stats().held_requests, 1, "reservations too");
    latch.release();
    latch.wait().unwrap();
    let stats = engine.stats();
    assert_eq!((stats.num_running, stats.num_waiting), (1, 0));
    assert_eq!(stats.blocks.used, 2, "those of the one that stays");
    assert_eq!(stats.counters.aborted, 64);
    drop(latch);
    assert!(is_done(&end_of(stays)));
}

#[test]
fn one_more_than_the_limit_is_refused_until_a_place_is_free() {
    let (model, latch) = model().with_latch();
    let config = EngineConfig {
        max_requests: 2,
        ..EngineConfig::default()
    };
    let engine = start(model, &config);
    let first = engine.submit(request(vec![1], 1)).unwrap();
    let second = engine.submit(request(vec![1], 5)).unwrap();
    let refused = engine.submit(request(vec![1], 1)).unwrap_err();
    assert_eq!(refused, EngineError::Full { limit: 2 });
    drop(latch);
    assert!(is_done(&end_of(first)));
    let third = engine
        .submit(request(vec![1], 1))
        .expect("whoever reads an end has the place");
    assert!(is_done(&end_of(second)) && is_done(&end_of(third)));
}

#[test]
fn shutdown_ends_running_and_waiting_requests() {
    let (model, latch) = model().with_latch();
    let config = EngineConfig {
        max_num_seqs: 1,
        ..EngineConfig::default()
    };
    let engine = start(model, &config);
    let streams: Vec<_> = (0..3)
        .map(|_| engine.submit(request(vec![1], 900)).unwrap())
        .collect();
    latch.wait().unwrap();
    thread::scope(|scope| {
        // Two at once: both return when the thread is gone.
        let stopping = [0, 1].map(|_| scope.spawn(|| engine.shutdown()));
        latch.release();
        drop(latch);
        for caller in stopping {
            caller.join().unwrap();
        }
    });
    for stream in streams {
        assert_eq!(
            end_of(stream),
            TokenEvent::Failed(EngineError::ShuttingDown)
        );
    }
    let refused = engine.submit(request(vec![1], 1)).unwrap_err();
    assert_eq!(refused, EngineError::ShuttingDown);
    let stats = engine.stats();
    assert_eq!((stats.held_requests, stats.blocks.used), (0, 0));
    engine.shutdown();
}

#[test]
fn the_last_handle_stops_the_engine() {
    let (model, latch) = model().with_latch();
    let engine = start(model, &EngineConfig::default());
    let stream = engine.submit(request(vec![1], 900)).unwrap();
    let clone = engine.clone();
    drop(engine);
    latch.wait().unwrap();
    drop(latch);
    drop(clone);
    assert_eq!(
        end_of(stream),
        TokenEvent::Failed(EngineError::ShuttingDown)
    );
}

#[test]
fn a_model_may_hold_the_last_handle() {
    let (give, take) = flume::bounded::<Engine>(1);
    let model = model().on_step(move |_| {
        drop(take.recv());
        Ok(())
    });
    let engine = start(model, &EngineConfig::default());
    let stream = engine.submit(request(vec![1], 900)).unwrap();
    give.send(engine).unwrap();
    // The handle is dropped in a step, on the engine's own thread, which must not wait for itself.
    drop(give);
    assert_eq!(
        end_of(stream),
        TokenEvent::Failed(EngineError::ShuttingDown)
    );
}

#[test]
fn a_model_that_fails_and_panics_keeps_being_asked() {
    let mut step = 0;
    let model = model().on_step(move |_| {
        step += 1;
        match step % 3 {
            1 => Err(ModelError::Plan {
                why: "lost".to_owned(),
            }),
            2 => panic!("lost as well"),
            _ => Ok(()),
        }
    });
    let engine = start(model, &EngineConfig::default());
    for round in 0..3 {
        for outcome in ["lost", "panicked: lost as well", "done"] {
            let end = end_of(engine.submit(request(vec![1], 1)).unwrap());
            let as_it_should = if let TokenEvent::Failed(EngineError::Model(why)) = &end {
                why.contains(outcome)
            } else {
                is_done(&end) && outcome == "done"
            };
            assert!(as_it_should, "round {round}, {outcome}: {end:?}");
        }
    }
    assert_eq!(engine.stats().counters.failed, 6);
}

#[test]
fn two_engines_live_side_by_side() {
    let says = |token| model().answering(move |_| FakeToken::Certain(token));
    let one = start(says(11), &EngineConfig::default());
    let two = start(says(22), &EngineConfig::default());
    let streams: Vec<_> = (0..8)
        .map(|i| {
            [&one, &two][i % 2]
                .submit(request(vec![5; 40], 10))
                .unwrap()
        })
        .collect();
    for (i, stream) in streams.into_iter().enumerate() {
        let events = read_all(stream);
        assert!(is_done(&events[10]));
        for event in &events[..10] {
            assert!(matches!(event, TokenEvent::Token { id, .. } if *id == [11, 22][i % 2]));
        }
    }
    one.shutdown();
    assert!(is_done(&end_of(two.submit(request(vec![5], 1)).unwrap())));
}

#[test]
fn a_dropped_next_loses_no_event() {
    let (model, latch) = model().with_latch();
    let engine = start(model, &EngineConfig::default());
    let mut stream = engine.submit(request(vec![1], 2)).unwrap();
    latch.wait().unwrap();
    {
        let next = pin!(stream.next());
        let polled = next.poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    }
    drop(latch);
    assert_eq!(read_all(stream).len(), 3);
}

#[test]
fn a_stream_whose_engine_died_says_so_once() {
    let (events, reader) = flume::bounded(1);
    let mut stream = TokenStream::new(reader);
    drop(events);
    let end = TokenEvent::Failed(EngineError::ShuttingDown);
    assert_eq!(stream.recv(), Some(end));
    assert_eq!(stream.recv(), None);
}

#[test]
fn limits_are_the_models_within_the_configurations() {
    let config = EngineConfig {
        max_model_len: Some(100),
        ..EngineConfig::default()
    };
    let limits = start(model(), &config).limits();
    assert_eq!((limits.max_model_len, limits.vocab_size), (100, 1000));
    assert_eq!(start(model(), &EngineConfig::default()).limits(), LIMITS);
}

fn guessing(num_speculative_tokens: usize, method: SpeculationMethod) -> EngineConfig {
    EngineConfig {
        speculation: Some(Speculation {
            num_speculative_tokens,
            method,
        }),
        ..EngineConfig::default()
    }
}

fn lookup(prompt_lookup_min: usize, prompt_lookup_max: usize) -> SpeculationMethod {
    SpeculationMethod::Ngram {
        prompt_lookup_min,
        prompt_lookup_max,
    }
}

fn by_draft() -> SpeculationMethod {
    SpeculationMethod::Draft {
        model: "given.gguf".into(),
    }
}

/// A model that repeats itself.
fn repeating() -> FakeModel {
    model().answering(|_| FakeToken::Recent(2))
}

#[test]
fn a_draft_model_changes_nothing_that_is_said() {
    let plain = start(repeating(), &EngineConfig::default());
    let requests = [vec![1; 5], (0..200).collect()].map(|prompt| request(prompt, 90));
    let answer = |engine: &Engine| {
        let requests = requests.iter().cloned();
        let answers = requests.map(|request| read_all(engine.submit(request).unwrap()));
        answers.collect::<Vec<_>>()
    };
    let expected = answer(&plain);
    let config = guessing(3, by_draft());
    for draft in [
        repeating(),
        model(),
        repeating().on_step(|_| panic!("the draft model is lost")),
        FakeModel::new(LIMITS, 1),
    ] {
        let draft = Some(Box::new(draft) as _);
        let model = Box::new(repeating());
        let engine = Engine::start_with_draft(model, draft, vec![EOS], &config).unwrap();
        assert_eq!(answer(&engine), expected);
        assert_eq!(engine.stats().blocks.used, 0);
    }
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let default = EngineConfig::default;
    let small = |num_blocks| FakeModel::new(LIMITS, num_blocks);
    let refused = |model: FakeModel, config: EngineConfig| {
        let error = Engine::start(Box::new(model), vec![], &config).unwrap_err();
        error.to_string()
    };
    for (config, message) in [
        (
            EngineConfig {
                max_num_seqs: 0,
                ..default()
            },
            "max_num_seqs must be at least 1, but is 0",
        ),
        (
            EngineConfig {
                max_requests: 0,
                ..default()
            },
            "max_requests must be at least 1, but is 0",
        ),
        (
            EngineConfig {
                max_num_batched_tokens: 63,
                ..default()
            },
            "max_num_batched_tokens must be at least max_num_seqs, 64, but is 63",
        ),
        (
            EngineConfig {
                max_model_len: Some(1025),
                ..default()
            },
            "max_model_len must be from 1 to the model's own limit, 1024, but is 1025",
        ),
        (
            guessing(0, lookup(2, 4)),
            "num_speculative_tokens must be at least 1, but is 0",
        ),
        (
            guessing(4, lookup(0, 4)),
            "prompt_lookup_min must be at least 1, but is 0",
        ),
        (
            guessing(4, lookup(3, 2)),
            "prompt_lookup_max must be at least prompt_lookup_min, 3, but is 2",
        ),
        (
            guessing(4, by_draft()),
            "speculation by a draft model needs the draft model, but none was given",
        ),
    ] {
        assert_eq!(refused(model(), config), message);
    }
    assert_eq!(
        refused(small(63), default()),
        "the KV cache holds 1008 tokens, but one context of 1024 needs 64 blocks of 16 and there \
         are 63; raise kv_cache_bytes or lower max_model_len"
    );
    let error = StartError::CacheTooSmall {
        needed: 64,
        total: 0,
        max_model_len: 1024,
    };
    assert_eq!(refused(small(0), default()), error.to_string());
}
