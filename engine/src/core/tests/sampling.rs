//! Sampling on the model's threads: whatever the threads and their order, the same events.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::core::tests::{Bench, LIMITS};
use crate::event::TokenEvent;
use crate::kernels::Kernels;
use crate::model::Workers;
use crate::request::{GenerateRequest, SamplingParams};
use crate::scheduler::SchedulerLimits;
use crate::speculation::Speculator;
use crate::testing::{FakeModel, FakeToken};

/// One thread that begins with the last task.
#[derive(Debug)]
struct Backwards;

impl Workers for Backwards {
    fn for_each(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).rev().for_each(task);
    }
}

/// Requests that differ in all that touches sampling, a few at a time, guessing ahead.
fn events(model: FakeModel) -> Vec<Vec<TokenEvent>> {
    let limits = SchedulerLimits::new(12, 64);
    let model = model.answering(|tokens| match tokens.len() % 7 {
        0 => FakeToken::Certain(5),
        _ => FakeToken::Recent(2),
    });
    let mut bench = Bench::new(model, limits, true).speculating(Speculator::by_lookup(3, (1, 3)));
    let readers: Vec<_> = (0..20_u32)
        .map(|i| {
            let params = SamplingParams {
                temperature: [0.0, 0.7, 1.5][i as usize % 3],
                top_k: [0, 5][i as usize % 2],
                top_p: [1.0, 0.9, 0.5, 1.0][i as usize % 4],
                repetition_penalty: [1.0, 1.2][i as usize / 2 % 2],
                logprobs: (i % 3 == 0).then_some(i % 5),
                prompt_logprobs: (i % 5 == 0).then_some(1),
                seed: u64::from(i),
                max_tokens: 10 + i,
                ..SamplingParams::default()
            };
            let prompt: Vec<u32> = (1..4 + i % 11).collect();
            let request = GenerateRequest::new(prompt.into(), i, Arc::new(params), &LIMITS);
            bench.submit(request.expect("the test's request is valid"))
        })
        .collect();
    bench.run_to_end();
    readers
        .iter()
        .map(|reader| reader.drain().collect())
        .collect()
}

#[test]
fn threads_and_their_order_change_no_event() {
    let model = || FakeModel::new(LIMITS, 256);
    let expected = events(model());
    assert!(expected.iter().all(|events| events.len() > 2));
    assert!(
        expected == events(model().with_workers(Backwards)),
        "backwards"
    );
    for threads in 1..=4 {
        let threads = NonZeroUsize::new(threads).expect("from 1 on");
        let kernels = Kernels::new(threads, None).expect("threads can be started");
        let found = events(model().with_workers(kernels));
        assert!(expected == found, "{threads} threads");
    }
}
