//! One step at a time: what is sent in which order, and what is freed when.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::batch::BatchPlan;
use crate::core::tests::{Bench, LIMITS};
use crate::core::{Command, Held, StatsBoard, Submission, mailbox};
use crate::error::EngineError;
use crate::event::{FinishReason, TokenEvent, Usage};
use crate::model::{Forward, Logits, ModelError};
use crate::request::{GenerateRequest, ModelLimits, SamplingParams};
use crate::scheduler::SchedulerLimits;
use crate::testing::FakeModel;

fn request(prompt: &[u32], params: SamplingParams) -> GenerateRequest {
    let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &LIMITS);
    request.expect("the test's request is valid")
}

fn answer(max_tokens: u32) -> SamplingParams {
    SamplingParams {
        max_tokens,
        ignore_eos: true,
        ..SamplingParams::default()
    }
}

fn bench(model: FakeModel, max_num_seqs: usize) -> Bench {
    Bench::new(model, SchedulerLimits::new(max_num_seqs, 64), true)
}

fn model() -> FakeModel {
    FakeModel::new(LIMITS, 64)
}

#[test]
fn prompt_then_tokens_then_done() {
    let mut bench = bench(model().scripted(vec![7, 8], 0), 4);
    let params = SamplingParams {
        max_tokens: 9,
        logprobs: Some(1),
        prompt_logprobs: Some(0),
        ..SamplingParams::default()
    };
    let events = bench.submit(request(&[1, 2, 3], params));
    bench.run_to_end();
    let events: Vec<_> = events.drain().collect();

    let TokenEvent::Prompt(scores) = &events[0] else {
        panic!("the prompt comes first: {events:?}");
    };
    assert_eq!(scores[0], None, "nothing predicts the first token");
    let ids: Vec<_> = scores[1..].iter().flatten().map(|s| s.id).collect();
    assert_eq!(ids, [2, 3]);
    for (event, token) in events[1..].iter().zip([7, 8, 0]) {
        let TokenEvent::Token { id, logprobs, .. } = event else {
            panic!("a token was due: {event:?}");
        };
        let logprobs = logprobs.as_ref().expect("they were asked for");
        assert_eq!((*id, logprobs.id, logprobs.rank), (token, token, 1));
    }
    let usage = Usage {
        prompt_tokens: 3,
        cached_tokens: 0,
        completion_tokens: 3,
    };
    let reason = FinishReason::StopToken(0);
    assert_eq!(events[4..], [TokenEvent::Done { reason, usage }]);
}

#[test]
fn scoring_a_text_generates_nothing() {
    let mut bench = bench(model(), 4);
    let params = SamplingParams {
        prompt_logprobs: Some(2),
        ..answer(0)
    };
    for len in [1, 2, 100] {
        let text: Vec<u32> = (0..len).map(|i| i % 60).collect();
        let events = bench.submit(request(&text, params.clone()));
        bench.run_to_end();
        let events: Vec<_> = events.drain().collect();
        let [TokenEvent::Prompt(scores), TokenEvent::Done { .. }] = &events[..] else {
            panic!("the prompt and the end were due: {events:?}");
        };
        assert_eq!(scores.len(), text.len());
        assert!(
            scores[1..]
                .iter()
                .zip(&text[1..])
                .all(|(s, t)| s.as_ref().unwrap().id == *t)
        );
    }
    assert_eq!(bench.stats().counters.generated_tokens, 0);
}

#[test]
fn a_score_that_was_preempted_goes_on_where_it_was() {
    let params = SamplingParams {
        prompt_logprobs: Some(1),
        ..answer(3)
    };
    let text: Vec<u32> = (0..80).map(|i| i % 60).collect();
    let mut roomy = bench(model(), 4);
    let alone = roomy.submit(request(&text, params.clone()));
    roomy.run_to_end();

    // An earlier answer grows into the spare block, then needs one that the text is being read into.
    let small = FakeModel::new(LIMITS, 7);
    let mut bench = Bench::new(small, SchedulerLimits::new(4, 5), true);
    let earlier = bench.submit(request(&[9; 15], answer(25)));
    let scored = bench.submit(request(&text, params));
    while bench.stats().counters.preemptions == 0 {
        assert!(scored.is_empty(), "the text is read too soon for this test");
        bench.step();
    }
    bench.run_to_end();
    assert_eq!(earlier.len(), 26);
    // Whole blocks of what was scored are found again; the rest of the last one is computed twice.
    let recomputed = bench.stats().counters.prompt_tokens - 95;
    assert!((1..16).contains(&recomputed), "{recomputed}");
    assert_eq!(
        scored.drain().collect::<Vec<_>>(),
        alone.drain().collect::<Vec<_>>()
    );
}

#[test]
fn penalties_know_what_was_said() {
    let mut bench = bench(model().scripted(vec![7; 99], 0), 4);
    let params = SamplingParams {
        temperature: 0.0,
        frequency_penalty: 2.0,
        ..answer(40)
    };
    let events = bench.submit(request(&[1], params));
    bench.run_to_end();
    let sevens = events
        .drain()
        .filter(|e| matches!(e, TokenEvent::Token { id: 7, .. }));
    assert!(
        (10..30).contains(&sevens.count()),
        "in the end 7 is penalised away"
    );
}

#[test]
fn who_goes_away_is_forgotten_before_the_next_plan() {
    let mut bench = bench(model(), 2);
    let prompt = [9; 40];
    let mut streams: Vec<_> = (0..4)
        .map(|_| bench.submit(request(&prompt, answer(50))))
        .collect();
    bench.step();
    bench.step();
    let stats = bench.stats();
    assert_eq!(
        (stats.num_running, stats.num_waiting, stats.held_requests),
        (2, 2, 4)
    );

    // One that runs and one that waits; the other waiting one gets the slot in the same step.
    drop(streams.remove(3));
    drop(streams.remove(0));
    bench.step();
    let stats = bench.stats();
    assert_eq!(
        (stats.num_running, stats.num_waiting, stats.held_requests),
        (2, 0, 2)
    );
    drop(streams);
    bench.step();
    let stats = bench.stats();
    assert_eq!(
        (stats.num_running, stats.held_requests, stats.blocks.used),
        (0, 0, 0)
    );
    assert_eq!(stats.counters.aborted, 4);
    assert!(bench.core.is_idle());
}

#[test]
fn a_failing_model_ends_the_sequences_of_its_plan() {
    let mut step = 0;
    let model = model().on_step(move |_| {
        step += 1;
        match step {
            2 => Err(ModelError::Plan {
                why: "the rank is lost".to_owned(),
            }),
            4 => panic!("the kernel is lost"),
            _ => Ok(()),
        }
    });
    let mut bench = bench(model, 1);
    let streams: Vec<_> = (0..3)
        .map(|_| bench.submit(request(&[1, 2], answer(3))))
        .collect();
    bench.run_to_end();
    let ends: Vec<_> = streams.iter().map(|s| s.drain().last().unwrap()).collect();
    for (end, why) in ends
        .iter()
        .zip(["the rank is lost", "panicked: the kernel is lost"])
    {
        let TokenEvent::Failed(EngineError::Model(message)) = end else {
            panic!("the model's failure was due: {end:?}");
        };
        assert!(message.contains(why), "{message}");
    }
    assert!(matches!(ends[2], TokenEvent::Done { .. }));
    let stats = bench.stats();
    assert_eq!((stats.held_requests, stats.blocks.used), (0, 0));
    assert_eq!(
        (stats.counters.failed, stats.counters.finished_length),
        (2, 1)
    );
}

/// Answers one row, whatever is asked.
#[derive(Debug)]
struct OneRow([f32; 64]);

impl Forward for OneRow {
    fn limits(&self) -> ModelLimits {
        LIMITS
    }

    fn num_blocks(&self) -> usize {
        64
    }

    fn forward(&mut self, _: &BatchPlan) -> Result<Logits<'_>, ModelError> {
        Ok(Logits::new(&mut self.0, 64))
    }
}

#[test]
fn rows_that_are_missing_are_an_error() {
    let mut bench = Bench::new(OneRow([0.0; 64]), SchedulerLimits::new(4, 64), true);
    let streams = [1, 2].map(|t| bench.submit(request(&[t], answer(3))));
    bench.run_to_end();
    for stream in streams {
        let events: Vec<_> = stream.drain().collect();
        let [TokenEvent::Failed(EngineError::Model(why))] = &events[..] else {
            panic!("a failure was due: {events:?}");
        };
        assert_eq!(why, "1 rows of logits came back where 2 were asked for");
    }
}

#[test]
fn everyone_is_told_at_the_end() {
    let mut bench = bench(model(), 1);
    let streams: Vec<_> = (0..3)
        .map(|_| bench.submit(request(&[1, 2], answer(30))))
        .collect();
    bench.step();
    bench.core.end_all(&EngineError::ShuttingDown);
    for stream in streams {
        let end = TokenEvent::Failed(EngineError::ShuttingDown);
        assert_eq!(stream.drain().last(), Some(end));
    }
    let stats = bench.stats();
    assert_eq!(
        (stats.held_requests, stats.num_waiting, stats.blocks.used),
        (0, 0, 0)
    );
}

#[test]
fn a_reader_that_never_reads_holds_nobody_up() {
    let mut bench = bench(model(), 4);
    let lazy = bench.submit(request(&[1], answer(900)));
    let quick = bench.submit(request(&[2], answer(5)));
    bench.run_to_end();
    assert_eq!(quick.len(), 6);
    assert_eq!(lazy.len(), 901);
}

#[test]
fn a_closed_mailbox_loses_no_request() {
    let held = Held::new(4);
    let submit = || Submission::new(request(&[1], answer(1)), held.reserve().unwrap());
    let (mailbox, inbox) = mailbox(4);
    let (submission, events) = submit();
    mailbox.send(Command::Submit(Box::new(submission))).unwrap();

    // The thread dies without having read it.
    drop(inbox);
    assert!(events.is_disconnected(), "its reader would wait for ever");
    assert_eq!(held.count(), 0);
    let (submission, _events) = submit();
    let refused = mailbox.send(Command::Submit(Box::new(submission)));
    assert_eq!(refused, Err(EngineError::ShuttingDown));
}

/// Reads the statistics in the moment in which an event is sent.
struct Watcher {
    stats: Arc<StatsBoard>,
    steps_seen: AtomicU64,
}

impl Wake for Watcher {
    fn wake(self: Arc<Self>) {
        let steps = self.stats.read(0).counters.steps;
        self.steps_seen.store(steps, Ordering::Relaxed);
    }
}

#[test]
fn statistics_are_as_new_as_the_events() {
    let mut bench = bench(model(), 4);
    let events = bench.submit(request(&[1], answer(5)));
    let watcher = Arc::new(Watcher {
        stats: Arc::clone(&bench.stats),
        steps_seen: AtomicU64::new(0),
    });
    let waker = Waker::from(Arc::clone(&watcher));
    let mut next = pin!(events.recv_async());
    let polled = next.as_mut().poll(&mut Context::from_waker(&waker));
    assert_eq!(polled, Poll::Pending);
    bench.step();
    assert_eq!(watcher.steps_seen.load(Ordering::Relaxed), 1);
}
