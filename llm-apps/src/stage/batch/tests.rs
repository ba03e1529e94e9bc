//! When batches begin, what is in them, and who hears of what went wrong.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{BatchOptions, BatchStage, Batched};
use crate::stage::{Call, Stage, StageError};

/// When a batch began, and its inputs.
type Seen = (Duration, Vec<u64>);

/// Doubles its inputs, and notes its batches with the time at which they began.
#[derive(Default)]
struct Double {
    seen: Arc<Mutex<Vec<Seen>>>,
    began: Option<Instant>,
    takes: Duration,
}

/// Odd inputs have no answer, 666 is an error of the whole batch, 999 a panic, 777 loses an answer.
impl BatchStage for Double {
    type Input = u64;
    type Output = u64;

    async fn call_batch(
        &self,
        inputs: Vec<u64>,
    ) -> Result<Vec<Result<u64, StageError>>, StageError> {
        let after = self.began.map(|began| began.elapsed()).unwrap_or_default();
        self.seen.lock().push((after, inputs.clone()));
        sleep(self.takes).await;
        assert!(!inputs.contains(&999), "too much");
        if inputs.contains(&666) {
            return Err(StageError::Unavailable("not today".to_owned()));
        }
        let double = |input: u64| match input % 2 {
            0 => Ok(2 * input),
            _ => Err(StageError::invalid("odd")),
        };
        let mut outputs: Vec<_> = inputs.iter().copied().map(double).collect();
        if inputs.contains(&777) {
            outputs.pop();
        }
        Ok(outputs)
    }
}

struct World {
    batched: Arc<Batched<Double>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

fn world(options: BatchOptions, takes: Duration) -> World {
    let seen = Arc::default();
    let stage = Double {
        seen: Arc::clone(&seen),
        began: Some(Instant::now()),
        takes,
    };
    World {
        batched: Arc::new(Batched::new(stage, options)),
        seen,
    }
}

fn options(size: usize, wait_ms: u64, concurrent: usize) -> BatchOptions {
    BatchOptions {
        max_batch_size: size,
        batch_wait_timeout: Duration::from_millis(wait_ms),
        max_concurrent_batches: concurrent,
    }
}

impl World {
    async fn call(&self, input: u64) -> Result<u64, StageError> {
        self.batched.call(input, &Call::new("r")).await
    }

    /// Calls after some milliseconds.
    async fn later(&self, ms: u64, input: u64) -> Result<u64, StageError> {
        sleep(Duration::from_millis(ms)).await;
        self.call(input).await
    }

    fn seen(&self) -> Vec<(u128, Vec<u64>)> {
        let seen = self.seen.lock();
        let ms = seen
            .iter()
            .map(|(at, inputs)| (at.as_millis(), inputs.clone()));
        ms.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_begins_when_it_is_full_or_its_first_call_has_waited() {
    let world = world(options(3, 100, 8), Duration::ZERO);
    let calls = [(0, 2), (10, 4), (20, 6), (30, 8), (90, 10), (200, 12)];
    let answers = join_all(calls.map(|(ms, input)| world.later(ms, input))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [4, 8, 12, 16, 20, 24]);
    assert_eq!(
        world.seen(),
        [(20, vec![2, 4, 6]), (130, vec![8, 10]), (300, vec![12])]
    );
}

#[tokio::test(start_paused = true)]
async fn while_none_may_begin_a_batch_fills_up() {
    let world = world(options(4, 10, 1), Duration::from_millis(500));
    let calls = (0..9).map(|n| world.later(n * 20, 2 * n));
    let answers = join_all(calls).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(
        world.seen(),
        [
            (10, vec![0]),
            (510, vec![2, 4, 6, 8]),
            (1010, vec![10, 12, 14, 16])
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_one_may_be_worked_at() {
    let world = world(options(1, 10, 3), Duration::from_secs(1));
    let began = Instant::now();
    join_all((0..6).map(|n| world.call(2 * n))).await;
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_before_it_begins_is_not_in_it_and_later_does_not_stop_it() {
    let world = Arc::new(world(options(3, 100, 1), Duration::from_secs(1)));
    let spawn = |input| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.call(input).await })
    };
    let (leaves, leaves_late, stays) = (spawn(2), spawn(4), spawn(6));
    // The third one would fill it, if the first were still there.
    leaves.abort();
    sleep(Duration::from_millis(150)).await;
    leaves_late.abort();
    assert_eq!(stays.await.unwrap().unwrap(), 12);
    let seen: Vec<_> = world.seen().into_iter().map(|(_, inputs)| inputs).collect();
    assert!(seen == [vec![4, 6]] || seen == [vec![2, 4, 6]], "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_all_have_left_is_given_up_and_takes_no_place() {
    let world = Arc::new(world(options(2, 100, 1), Duration::from_secs(100)));
    for input in 0..5 {
        let calling = Arc::clone(&world);
        let gone = tokio::spawn(async move { calling.call(2 * input).await });
        sleep(Duration::from_secs(1)).await;
        gone.abort();
        assert!(gone.await.is_err());
    }
    let began = Instant::now();
    world.call(2).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(100_100));
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_is_the_affair_of_one_batch() {
    let world = world(options(2, 100, 1), Duration::ZERO);
    let both = async |one, other| tokio::join!(world.call(one), world.call(other));
    let (fine, odd) = both(2, 3).await;
    assert_eq!(fine.unwrap(), 4);
    assert!(matches!(odd, Err(StageError::Invalid { .. })), "{odd:?}");
    let (one, other) = both(4, 666).await;
    for refused in [one, other] {
        assert!(
            refused.as_ref().is_err_and(StageError::may_retry),
            "{refused:?}"
        );
    }
    let (one, other) = both(4, 999).await;
    for panicked in [one, other] {
        assert_eq!(panicked.unwrap_err().to_string(), "the stage panicked");
    }
    let (_, lost) = both(4, 777).await;
    let said = "a batch of 2 calls was given 1 answers";
    assert_eq!(lost.unwrap_err().to_string(), said);
    assert_eq!(both(6, 8).await.0.unwrap(), 12);
}

#[tokio::test(start_paused = true)]
async fn its_numbers_change_while_it_runs() {
    let world = world(BatchOptions::default(), Duration::from_secs(1));
    let user_config =
        json!({"max_batch_size": 2, "batch_wait_timeout_s": 5, "max_concurrent_batches": 4});
    world.batched.reconfigure(&user_config).await.unwrap();
    assert_eq!(world.batched.options(), options(2, 5000, 4));
    let began = Instant::now();
    join_all((0..8).map(|n| world.call(2 * n))).await;
    assert_eq!(began.elapsed(), Duration::from_secs(1), "four at a time");
    // Fewer places count as soon as batches that run have ended.
    let one = json!({"max_concurrent_batches": 1});
    let running = join_all((0..8).map(|n| world.call(2 * n)));
    let change = async {
        sleep(Duration::from_millis(500)).await;
        world.batched.reconfigure(&one).await.unwrap();
    };
    tokio::join!(running, change);
    let began = Instant::now();
    join_all((0..8).map(|n| world.call(2 * n))).await;
    assert_eq!(began.elapsed(), Duration::from_secs(4), "one at a time");
    for (wrong, said) in [
        (
            json!({"max_batch_size": 0}),
            "`max_batch_size` is 0, it must be from 1 to 65536",
        ),
        (
            json!({"batch_wait_timeout_s": -1}),
            "`batch_wait_timeout_s` is -1, it must be from 0 to 3600",
        ),
        (json!({"size": 1}), "unknown field `size`"),
    ] {
        let refused = world.batched.reconfigure(&wrong).await.unwrap_err();
        assert!(refused.to_string().starts_with(said), "{refused}");
    }
    assert_eq!(world.batched.options(), options(2, 5000, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whenever calls come, each is in exactly one batch, none is too large, none waits too long where
    /// places are free, and all are answered with their own answers.
    #[test]
    fn every_call_is_in_one_batch_and_gets_its_answer(
        gaps in prop::collection::vec(0_u64..30, 1..60),
        size in 1_usize..6,
        wait in 0_u64..40,
        concurrent in 1_usize..4,
        takes in 0_u64..50,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = world(options(size, wait, concurrent), Duration::from_millis(takes));
            let mut at = 0;
            let calls = gaps.iter().enumerate().map(|(n, gap)| {
                at += gap;
                world.later(at, 2 * n as u64)
            });
            let answers = join_all(calls).await;
            for (n, answer) in answers.into_iter().enumerate() {
                prop_assert_eq!(answer.unwrap(), 4 * n as u64);
            }
            let mut inputs: Vec<_> = world.seen().into_iter().flat_map(|(_, inputs)| {
                assert!(inputs.len() <= size);
                inputs
            }).collect();
            inputs.sort_unstable();
            prop_assert!(inputs.iter().copied().eq((0..gaps.len() as u64).map(|n| 2 * n)));
            Ok(())
        })?;
    }
}
