//! Which models a replica holds.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::Multiplexed;
use crate::stage::StageError;

/// Models that are their names, take a second to load, and leave a note.
fn models(most: usize) -> (Multiplexed<String>, Arc<Mutex<Vec<String>>>) {
    let loads: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&loads);
    let models = Multiplexed::new(NonZeroUsize::new(most), move |id| {
        noted.lock().push(id.clone());
        async move {
            sleep(Duration::from_secs(1)).await;
            match id.as_str() {
                "torn" => Err(StageError::failed("the model is torn")),
                _ => Ok(id),
            }
        }
    });
    (models, loads)
}

#[tokio::test(start_paused = true)]
async fn the_one_unused_for_longest_makes_room() {
    let (models, loads) = models(2);
    for id in ["a", "b", "a", "c", "a", "b"] {
        assert_eq!(*models.get(id).await.unwrap(), id);
        assert!(models.count() <= 2);
    }
    assert_eq!(*loads.lock(), ["a", "b", "c", "b"]);
    assert!(models.holds("a") && models.holds("b") && !models.holds("c"));
}

#[tokio::test(start_paused = true)]
async fn one_is_loaded_at_a_time_and_each_once() {
    let (models, loads) = models(8);
    let began = Instant::now();
    let asked = ["a", "b", "a", "b", "c", "a"];
    let got = join_all(asked.map(|id| models.get(id))).await;
    assert!(got.into_iter().all(|model| model.is_ok()));
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert_eq!(*loads.lock(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_or_is_given_up_leaves_nothing_behind() {
    let (models, loads) = models(2);
    let torn = models.get("torn").await.unwrap_err();
    assert_eq!(torn.to_string(), "the model is torn");
    let soon = timeout(Duration::from_millis(500), models.get("a"));
    assert!(soon.await.is_err());
    assert_eq!(models.count(), 0);
    assert!(!models.holds("a") && !models.holds("torn"));
    assert_eq!(*models.get("a").await.unwrap(), "a");
    assert_eq!(*loads.lock(), ["torn", "a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_loaded_is_said_to_be_held() {
    let (models, _) = models(2);
    let looks = async {
        sleep(Duration::from_millis(500)).await;
        (models.holds("a"), models.count())
    };
    let (_, seen) = tokio::join!(models.get("a"), looks);
    assert_eq!(seen, (true, 1));
}
