//! What is remembered.

use std::time::Duration;

use engine::SamplingParams;
use tokio::time::advance;

use super::fixture::{model, request};
use crate::remote::quarantine::Quarantine;
use crate::remote::tests::fixture::Bench;

#[tokio::test(start_paused = true)]
async fn a_quarantined_request_is_known_by_what_it_asks() {
    let quarantine = Quarantine::default();
    let asked = |seed, temperature| {
        request(SamplingParams {
            seed,
            temperature,
            ..SamplingParams::default()
        })
    };
    assert!(!quarantine.holds(&asked(1, 0.5)));
    quarantine.add(&asked(1, 0.5));
    assert!(quarantine.holds(&asked(1, 0.5)));
    assert!(
        quarantine.holds(&asked(2, 0.5)),
        "another seed is another try"
    );
    assert!(!quarantine.holds(&asked(1, 0.6)));
    advance(Duration::from_secs(599)).await;
    assert!(quarantine.holds(&asked(1, 0.5)));
    advance(Duration::from_secs(1)).await;
    assert!(!quarantine.holds(&asked(1, 0.5)), "it may have been chance");
}

#[tokio::test]
async fn totals_outlive_a_process() {
    let mut bench = Bench::start([model()]).await;
    bench.says(0, 5, 2);
    let before = bench.replicas.stats();
    assert_eq!((before.counters.steps, before.blocks.total), (5, 2));
    bench.kill(0).await;
    let between = bench.replicas.stats();
    assert_eq!((between.counters.steps, between.blocks.total), (5, 0));
    bench.replace(0, model()).await;
    bench.says(0, 3, 2);
    let after = bench.replicas.stats();
    assert_eq!((after.counters.steps, after.blocks.total), (8, 2));
    let status = bench.replicas.status();
    assert_eq!(status.replicas[0].restarts, 1);
    assert_eq!(status.replicas[0].last_exit.as_deref(), Some("was killed"));
}
