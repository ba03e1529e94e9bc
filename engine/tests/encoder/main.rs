//! The encoder on all-MiniLM-L6-v2, held to what `transformers` computes from the same files:
//! `golden/encoder.json`, made by `golden/make_encoder.py`; and on folders that it must refuse.
#![cfg(feature = "encoders")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod refused;
mod vectors;

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// The model's folder. `make test` fetches it and says where it is.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the tests' environment"
)]
fn folder() -> PathBuf {
    match std::env::var_os("PENSTOCK_TEST_EMBEDDER") {
        Some(path) => PathBuf::from(path),
        None => panic!(
            "PENSTOCK_TEST_EMBEDDER is not set; `make test` sets it, or give the folder that \
             `penstock pull all-minilm-l6-v2` prints"
        ),
    }
}

/// Waits for a future on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
