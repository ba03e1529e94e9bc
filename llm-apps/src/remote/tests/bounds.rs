//! What is decided without a process: waits, pulses.

use std::num::NonZeroUsize;
use std::time::Duration;

use engine::{Counters, EngineStats};
use tokio::time::{Instant, advance};

use crate::remote::backoff::Backoff;
use crate::remote::config::ReplicasConfig;
use crate::remote::pulse::{Dead, Pulse};

const CONFIG: ReplicasConfig = ReplicasConfig {
    replicas: NonZeroUsize::MIN,
    heartbeat_timeout: Duration::from_secs(4),
    stall_timeout: Duration::from_secs(60),
    failover_timeout: Duration::from_secs(60),
};

fn working(steps: u64, held_requests: usize) -> EngineStats {
    EngineStats {
        held_requests,
        counters: Counters {
            steps,
            ..Counters::default()
        },
        ..EngineStats::default()
    }
}

#[test]
fn waits_double_while_lives_are_short() {
    let mut backoff = Backoff::default();
    let waits: Vec<_> = (0..12)
        .map(|_| backoff.ended(Duration::ZERO))
        .map(|next| (next.after.as_millis(), next.is_crash_loop))
        .collect();
    let expected = [
        100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000,
    ];
    let loops = |place: usize| place >= 5;
    for (place, (wait, is_crash_loop)) in waits.into_iter().enumerate() {
        assert_eq!((wait, is_crash_loop), (expected[place], loops(place)));
    }
}

#[test]
fn a_life_that_was_long_for_its_wait_begins_anew() {
    let mut backoff = Backoff::default();
    for _ in 0..4 {
        // Killed from outside now and then: it is soon back each time.
        let next = backoff.ended(Duration::from_secs(1));
        assert_eq!(next.after, Duration::from_millis(100));
    }
    for _ in 0..9 {
        backoff.ended(Duration::ZERO);
    }
    assert!(backoff.ended(Duration::from_secs(59)).is_crash_loop);
    let healthy = backoff.ended(Duration::from_secs(60));
    assert_eq!(healthy.after, Duration::from_millis(100));
    assert!(!healthy.is_crash_loop);
}

#[tokio::test(start_paused = true)]
async fn silence_is_death_after_so_many_looks_in_a_row() {
    let mut pulse = Pulse::new(&CONFIG, Instant::now());
    assert_eq!(pulse.listen(), Duration::from_secs(1));
    for _ in 0..3 {
        assert_eq!(pulse.hears_nothing(), None);
    }
    assert_eq!(pulse.hears(&working(1, 1), Instant::now()), None);
    for _ in 0..3 {
        assert_eq!(pulse.hears_nothing(), None);
    }
    let frozen = Dead::Frozen(CONFIG.heartbeat_timeout);
    assert_eq!(pulse.hears_nothing(), Some(frozen));
    assert_eq!(
        frozen.to_string(),
        "gave no sign of life for 4 s and was killed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_prompt_is_not_taken_for_a_stuck_engine() {
    let mut pulse = Pulse::new(&CONFIG, Instant::now());
    // Ten minutes of one request: chunk after chunk of its prompt, each of 50 s.
    for step in 0..12 {
        for _ in 0..50 {
            advance(Duration::from_secs(1)).await;
            assert_eq!(pulse.hears(&working(step, 1), Instant::now()), None);
        }
    }
    // Idle for a day.
    for _ in 0..24 {
        advance(Duration::from_secs(3600)).await;
        assert_eq!(pulse.hears(&working(12, 0), Instant::now()), None);
    }
    // A request, and nothing happens.
    advance(Duration::from_secs(59)).await;
    assert_eq!(pulse.hears(&working(12, 1), Instant::now()), None);
    advance(Duration::from_secs(1)).await;
    let stuck = pulse.hears(&working(12, 1), Instant::now());
    assert_eq!(stuck, Some(Dead::Stuck(CONFIG.stall_timeout)));
}
