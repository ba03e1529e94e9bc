//! Classifiers and translators on small checkpoints, held to what `transformers` computes from the
//! same files: `golden/checkpoints`, made by `golden/make_checkpoints.py`; and on folders that they
//! must refuse.
#![cfg(feature = "encoders")]
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod classifiers;
mod refused;
mod translators;

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

/// A checkpoint's folder.
fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/checkpoints")
        .join(name)
}

/// What the reference says of it.
fn golden<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let golden = fs::read(checkpoint(name).join("golden.json")).unwrap();
    let mut golden: Value = serde_json::from_slice(&golden).unwrap();
    serde_json::from_value(golden["cases"].take()).unwrap()
}

/// A copy of a checkpoint, to be broken.
fn copy(name: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(checkpoint(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    apart.fold(0.0, f32::max)
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
