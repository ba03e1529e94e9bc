//! Who runs, who waits, who is refused.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::fixture::{World, blueprint, call, seconds, start, until};
use crate::deployment::{DeploymentConfig, DeploymentState, Replicas};
use crate::stage::CallError;

fn config(replicas: usize, ongoing: usize, queued: usize) -> DeploymentConfig {
    DeploymentConfig {
        replicas: Replicas::Fixed(replicas),
        max_ongoing_requests: ongoing,
        max_queued_requests: queued,
        ..DeploymentConfig::default()
    }
}

#[tokio::test(start_paused = true)]
async fn of_three_calls_one_runs_one_waits_and_one_is_refused() {
    let world = Arc::default();
    let deployment = start(
        config(1, 1, 1),
        blueprint(&world, 1, Duration::ZERO, seconds(1.0)),
    );
    until(&deployment, |s| s.running() == 1).await;
    let handle = deployment.handle();
    let began = Instant::now();
    let call = call();
    let (first, second, third) = tokio::join!(
        handle.call(1, &call),
        handle.call(2, &call),
        handle.call(3, &call)
    );
    assert_eq!(first.unwrap(), (1, 1));
    assert_eq!(second.unwrap(), (1, 2));
    assert!(
        matches!(third, Err(CallError::QueueFull { limit: 1, .. })),
        "{third:?}"
    );
    assert_eq!(began.elapsed(), seconds(2.0), "one after the other");
}

#[tokio::test(start_paused = true)]
async fn as_many_run_as_there_are_places_and_all_are_answered() {
    let world: Arc<World> = Arc::default();
    let deployment = start(
        config(3, 4, 1000),
        blueprint(&world, 1, seconds(0.5), seconds(1.0)),
    );
    let handle = deployment.handle();
    let calls = (0..100).map(|n| {
        let handle = handle.clone();
        async move { handle.call(n, &call()).await.map(|(_, echoed)| echoed) }
    });
    let answers: Result<Vec<_>, _> = join_all(calls).await.into_iter().collect();
    assert_eq!(answers.unwrap(), (0..100).collect::<Vec<_>>());
    assert_eq!(
        world.most.load(Ordering::SeqCst),
        12,
        "3 replicas with 4 places each"
    );
    let idle = until(&deployment, |s| {
        s.status == DeploymentState::Healthy && s.ongoing_requests == 0
    });
    assert_eq!(idle.await.queued_requests, 0);
}

#[tokio::test(start_paused = true)]
async fn callers_that_leave_free_their_place_in_the_queue_and_at_the_replica() {
    let world: Arc<World> = Arc::default();
    let deployment = start(
        config(1, 1, 2),
        blueprint(&world, 1, Duration::ZERO, seconds(10.0)),
    );
    until(&deployment, |s| s.running() == 1).await;
    let handle = deployment.handle();
    let runs = tokio::spawn({
        let handle = handle.clone();
        async move { handle.call(1, &call()).await }
    });
    let waits = tokio::spawn({
        let handle = handle.clone();
        async move { handle.call(2, &call()).await }
    });
    sleep(seconds(1.0)).await;
    waits.abort();
    runs.abort();
    assert!(waits.await.is_err() && runs.await.is_err());
    assert_eq!(
        world.ongoing.load(Ordering::SeqCst),
        0,
        "dropping cancels the work"
    );
    let began = Instant::now();
    assert_eq!(handle.call(3, &call()).await.unwrap(), (1, 3));
    assert_eq!(began.elapsed(), seconds(10.0), "it did not wait");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_counts_waiting_and_computing_together() {
    let world = Arc::default();
    let deployment = start(
        config(1, 1, 8),
        blueprint(&world, 1, Duration::ZERO, seconds(3.0)),
    );
    let handle = deployment.handle();
    let hurried = call().with_timeout(seconds(5.0));
    let (first, second) = tokio::join!(handle.call(1, &hurried), handle.call(2, &hurried));
    assert!(first.is_ok());
    assert!(
        matches!(second, Err(CallError::DeadlineExceeded { .. })),
        "{second:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_place_is_held_as_long_as_its_permit() {
    let world = Arc::default();
    let deployment = start(
        config(1, 1, 8),
        blueprint(&world, 1, Duration::ZERO, seconds(1.0)),
    );
    let handle = deployment.handle();
    let (_, permit) = handle.open(1, &call()).await.unwrap();
    let next = tokio::spawn({
        let handle = handle.clone();
        async move { handle.call(2, &call()).await.map(|_| Instant::now()) }
    });
    sleep(seconds(7.0)).await;
    let freed = Instant::now();
    drop(permit);
    assert_eq!(next.await.unwrap().unwrap(), freed + seconds(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_new_limit_holds_at_once() {
    let world: Arc<World> = Arc::default();
    let made = blueprint(&world, 1, Duration::ZERO, seconds(1.0));
    let deployment = start(config(1, 1, 8), made.clone());
    let handle = deployment.handle();
    let began = Instant::now();
    let call = call();
    let calls = (0..4).map(|n| handle.call(n, &call));
    let all = join_all(calls);
    let wider = async {
        sleep(seconds(0.1)).await;
        deployment.update(config(1, 4, 8), made.clone());
    };
    let (answers, ()) = tokio::join!(all, wider);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(began.elapsed() < seconds(1.5), "{:?}", began.elapsed());
    assert_eq!(
        world.made.load(Ordering::SeqCst),
        1,
        "no replica was replaced"
    );
}
