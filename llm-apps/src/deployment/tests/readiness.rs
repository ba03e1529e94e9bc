//! Replicas that cannot take requests for a while.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::join;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::fixture::{call, seconds};
use crate::deployment::{Blueprint, Deployment, DeploymentConfig, Host, Replicas};
use crate::stage::{Call, Stage, StageError};

/// Answers with its number, and fails what it is given while it is not ready.
struct Gated {
    number: usize,
    ready: watch::Receiver<bool>,
}

impl Stage for Gated {
    type Input = ();
    type Output = usize;

    async fn call(&self, (): (), _: &Call) -> Result<usize, StageError> {
        match *self.ready.borrow() {
            true => Ok(self.number),
            false => Err(StageError::failed("it was not ready")),
        }
    }

    fn ready(&self) -> Option<watch::Receiver<bool>> {
        Some(self.ready.clone())
    }
}

type Gates = Arc<Mutex<Vec<watch::Sender<bool>>>>;

fn gated(gates: &Gates) -> Blueprint<(), usize> {
    let (gates, made) = (Arc::clone(gates), AtomicUsize::new(0));
    Blueprint::of(1, move || {
        let (gate, ready) = watch::channel(true);
        gates.lock().unwrap().push(gate);
        Gated {
            number: made.fetch_add(1, Ordering::SeqCst),
            ready,
        }
    })
}

#[tokio::test(start_paused = true)]
async fn requests_go_where_they_are_taken_or_wait() {
    let gates = Gates::default();
    let config = DeploymentConfig {
        replicas: Replicas::Fixed(2),
        ..DeploymentConfig::default()
    };
    let deployment = Deployment::start("gated", config, gated(&gates), &Host::new(1));
    let mut watched = deployment.watch();
    watched.wait_for(|s| s.running() == 2).await.unwrap();
    let handle = deployment.handle();
    let set = |index: usize, ready| gates.lock().unwrap()[index].send_replace(ready);
    set(0, false);
    for _ in 0..50 {
        assert_eq!(handle.call((), &call()).await.unwrap(), 1);
    }
    set(1, false);
    let began = Instant::now();
    let request = call();
    let opens = async {
        sleep(seconds(5.0)).await;
        set(0, true);
    };
    let (answer, ()) = join(handle.call((), &request), opens).await;
    assert_eq!(answer.unwrap(), 0);
    assert_eq!(began.elapsed(), seconds(5.0));
}
