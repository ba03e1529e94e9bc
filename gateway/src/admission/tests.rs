//! The door admits exactly as many as it has places, in order, and gets every permit back.

use std::num::NonZeroUsize;

use axum::body::Body;
use futures::FutureExt;
use futures::future::join_all;

use super::{Admission, Full, Guarded, Occupancy};

fn door(ongoing: usize, queued: usize) -> Admission {
    Admission::new(NonZeroUsize::new(ongoing).unwrap(), queued)
}

fn occupancy(ongoing: usize, queued: usize, refused: u64) -> Occupancy {
    Occupancy {
        ongoing,
        behind: 0,
        queued,
        refused,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_n_arrivals_exactly_capacity_get_in() {
    for (ongoing, arrivals) in [(1, 1), (1, 50), (7, 50), (50, 50), (64, 50)] {
        let door = door(ongoing, 0);
        let tries = (0..arrivals).map(|_| {
            let door = door.clone();
            #[expect(clippy::disallowed_methods, reason = "joined below")]
            tokio::spawn(async move { door.enter().await })
        });
        let outcomes: Vec<_> = join_all(tries)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let admitted = outcomes.iter().filter(|o| o.is_ok()).count();
        assert_eq!(
            admitted,
            arrivals.min(ongoing),
            "{ongoing} slots, {arrivals} arrivals"
        );
        drop(outcomes);
        assert_eq!(door.occupancy().ongoing, 0);
    }
}

#[tokio::test]
async fn waiting_is_bounded_and_in_order() {
    let door = door(1, 2);
    let running = door.enter().await.unwrap();
    let mut first = Box::pin(door.enter());
    let mut second = Box::pin(door.enter());
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    let refused = door.enter().await.unwrap_err();
    assert_eq!(
        refused,
        Full {
            ongoing: 1,
            queued: 2
        }
    );
    assert_eq!(door.occupancy(), occupancy(1, 2, 1));

    drop(running);
    assert!(
        second.as_mut().now_or_never().is_none(),
        "the first in line goes first"
    );
    let permit = first.await.unwrap();
    assert_eq!(door.occupancy(), occupancy(1, 1, 1));
    drop(permit);
    drop(second.await.unwrap());
    assert_eq!(door.occupancy(), occupancy(0, 0, 1));
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_frees_its_place() {
    let door = door(1, 1);
    let running = door.enter().await.unwrap();
    let mut waiting = Box::pin(door.enter());
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(waiting);
    assert_eq!(door.occupancy(), occupancy(1, 0, 0));
    drop(running);
    assert_eq!(door.occupancy(), occupancy(0, 0, 0));
}

#[tokio::test]
async fn the_permit_lives_as_long_as_the_body() {
    let door = door(2, 0);
    let unread = Guarded::body(Body::from("answer"), door.enter().await.unwrap());
    let read = Guarded::body(Body::from("answer"), door.enter().await.unwrap());
    assert_eq!(door.occupancy().ongoing, 2);
    assert_eq!(axum::body::to_bytes(read, 64).await.unwrap(), "answer");
    assert_eq!(door.occupancy().ongoing, 1, "G1: read to its end");
    drop(unread);
    assert_eq!(door.occupancy().ongoing, 0, "G1: dropped unread");
}

#[tokio::test]
async fn work_behind_leaves_slots_free_and_takes_no_place() {
    let door = door(4, 0);
    let first = door.enter_behind(1).unwrap();
    let second = door.enter_behind(1).unwrap();
    let third = door.enter_behind(1).unwrap();
    assert!(door.enter_behind(1).is_none(), "one slot stays free");
    let request = door.enter().await.unwrap();
    // Its place is there although its slot is not.
    let mut waiting = Box::pin(door.enter());
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(door.enter_behind(0).is_none());
    let busy = door.occupancy();
    assert_eq!((busy.ongoing, busy.behind, busy.queued), (4, 3, 1));
    drop(second);
    drop(waiting.await.unwrap());
    drop((first, third, request));
    assert_eq!(door.occupancy(), occupancy(0, 0, 0));
}
