//! Steps under a target: a made-up machine whose clock moves by what each plan costs.

use std::sync::Arc;
use std::time::Duration;

use flume::Receiver;
use parking_lot::Mutex;

use crate::batch::BatchPlan;
use crate::core::Clock;
use crate::core::tests::{Bench, LIMITS};
use crate::event::TokenEvent;
use crate::request::{GenerateRequest, SamplingParams};
use crate::scheduler::SchedulerLimits;
use crate::step_cost::Work;
use crate::testing::FakeModel;

const TARGET: f64 = 0.05;
const BUDGET: usize = 256;

/// An engine on a virtual machine.
struct Machine {
    bench: Bench,
    now: Arc<Mutex<Duration>>,
    plans: Arc<Mutex<Vec<BatchPlan>>>,
}

/// What happened in one step.
struct Stepped {
    plan: BatchPlan,
    seconds: f64,
}

impl Machine {
    fn new(target: f64) -> Self {
        let now = Arc::new(Mutex::new(Duration::ZERO));
        let plans = Arc::new(Mutex::new(Vec::new()));
        let (clock, passed) = (Arc::clone(&now), Arc::clone(&now));
        let seen = Arc::clone(&plans);
        let model = FakeModel::new(LIMITS, 400).on_step(move |plan| {
            let mut seen = seen.lock();
            *passed.lock() += cost(plan).mul_f64(hiccup(seen.len()));
            seen.push(plan.clone());
            Ok(())
        });
        let limits = SchedulerLimits::new(16, BUDGET).with_target_itl(target);
        let clock = Clock::new(move || *clock.lock());
        Self {
            bench: Bench::with_clock(model, limits, true, clock),
            now,
            plans,
        }
    }

    fn submit(&mut self, first: u32, len: u32, max_tokens: u32) -> Receiver<TokenEvent> {
        let prompt: Vec<u32> = (0..len).map(|i| (first + i * 5) % 64).collect();
        let params = SamplingParams {
            max_tokens,
            ignore_eos: true,
            ..SamplingParams::default()
        };
        let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &LIMITS);
        self.bench
            .submit(request.expect("the test's request is valid"))
    }

    fn step(&mut self) -> Stepped {
        let before = *self.now.lock();
        self.bench.step();
        Stepped {
            seconds: (*self.now.lock() - before).as_secs_f64(),
            plan: self
                .plans
                .lock()
                .last()
                .expect("a step was computed")
                .clone(),
        }
    }

    /// Streams that decode, and a machine that is known.
    fn with_streams(target: f64, streams: u32) -> (Self, Vec<Receiver<TokenEvent>>) {
        let mut machine = Self::new(target);
        let readers = (0..streams).map(|i| machine.submit(i, 20, 600)).collect();
        for _ in 0..8 {
            machine.step();
        }
        (machine, readers)
    }
}

/// 8 ms, and 0.6 ms a token, 0.1 ms a row of logits, 1 µs for a position or pair of attention.
fn cost(plan: &BatchPlan) -> Duration {
    let work = Work::of(plan);
    let attention = work.positions_read + work.pairs;
    let micros = 8000 + 600 * work.tokens + 100 * work.logit_rows + attention;
    Duration::from_micros(micros as u64)
}

/// Some steps take up to 8% longer.
fn hiccup(step: usize) -> f64 {
    1.0 + 0.02 * (step * 7 % 5) as f64
}

#[test]
fn a_long_prompt_does_not_delay_running_streams() {
    let (mut machine, streams) = Machine::with_streams(TARGET, 8);
    let long = machine.submit(40, 900, 5);
    let (mut steps, mut seconds) = (0, 0.0);
    while long.is_empty() {
        let step = machine.step();
        assert_eq!(step.plan.sequences.len(), 9, "everybody has a share");
        assert!(
            step.seconds < TARGET * 1.1,
            "step {steps} took {} s",
            step.seconds
        );
        steps += 1;
        seconds += step.seconds;
    }
    // The time was used: with no step above the target it takes 28.
    assert!((28..36).contains(&steps), "{steps} steps, {seconds} s");
    assert!(streams.iter().all(|s| s.len() >= steps));
}

#[test]
fn nobody_to_delay_means_whole_steps() {
    let mut machine = Machine::new(TARGET);
    let _reader = machine.submit(40, 900, 5);
    let chunks: Vec<_> = (0..4).map(|_| machine.step().plan.num_tokens()).collect();
    assert_eq!(chunks, [BUDGET, BUDGET, BUDGET, 900 - 3 * BUDGET]);
    // Whoever decodes alone has no prompt to wait for, and a new one finds the machine known.
    let _second = machine.submit(7, 900, 5);
    let step = machine.step();
    assert!(step.seconds < TARGET * 1.1, "{}", step.seconds);
    assert!(step.plan.num_tokens() > 32, "{}", step.plan.num_tokens());
}

#[test]
fn a_target_that_cannot_be_kept_still_lets_prompts_through() {
    let (mut machine, _streams) = Machine::with_streams(0.001, 8);
    let long = machine.submit(40, 320, 5);
    let mut steps = 0;
    while long.is_empty() {
        let step = machine.step();
        assert_eq!(step.plan.num_tokens(), 8 + 16, "a block, and no more");
        steps += 1;
    }
    assert_eq!(steps, 320 / 16);
}

#[test]
fn short_prompts_share_the_time_of_a_step() {
    let (mut machine, _streams) = Machine::with_streams(TARGET, 2);
    let readers: Vec<_> = (10..16).map(|i| machine.submit(i * 3, 14, 5)).collect();
    let step = machine.step();
    assert!(step.seconds < TARGET * 1.1, "{}", step.seconds);
    let prompts = step.plan.sequences.iter().filter(|s| s.tokens.len() == 14);
    assert!(prompts.count() >= 3, "{:?}", step.plan);
    for _ in 0..3 {
        machine.step();
    }
    assert!(readers.iter().all(|r| !r.is_empty()));
}

#[test]
fn the_time_of_steps_and_of_scheduling_is_counted() {
    let mut machine = Machine::new(TARGET);
    let _reader = machine.submit(1, 100, 9);
    let seconds: f64 = (0..5).map(|_| machine.step().seconds).sum();
    let times = machine.bench.stats().times;
    assert!((times.steps.as_secs_f64() - seconds).abs() < 1e-6);
    assert_eq!(times.scheduling, Duration::ZERO, "it moves no clock here");
}
