//! The pool: every chunk once, panics heard, nothing left running.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn pool(threads: usize) -> Pool {
    Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
}

#[test]
fn every_chunk_runs_once() {
    for threads in 1..=4 {
        let pool = pool(threads);
        assert_eq!(pool.threads(), threads);
        for chunks in [0, 1, 2, 3, 17, 1000] {
            let counts: Vec<AtomicUsize> = (0..chunks).map(|_| AtomicUsize::new(0)).collect();
            pool.run(chunks, &|index| {
                counts[index].fetch_add(1, Ordering::Relaxed);
            });
            assert!(
                counts
                    .iter()
                    .all(|count| count.load(Ordering::Relaxed) == 1)
            );
        }
    }
}

#[test]
fn many_tiny_jobs_see_each_others_writes() {
    let pool = pool(3);
    let sum = AtomicUsize::new(0);
    for job in 0..20_000 {
        assert_eq!(
            sum.load(Ordering::Relaxed),
            job * 4,
            "all of the last job is done"
        );
        pool.run(4, &|_| {
            sum.fetch_add(1, Ordering::Relaxed);
        });
    }
}

#[test]
fn jobs_find_sleeping_workers() {
    let pool = pool(2);
    for _ in 0..3 {
        // Until the worker sleeps.
        while pool.shared.sleepers.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        // Two chunks that each wait for the other: the caller alone could not end them.
        let arrived = AtomicUsize::new(0);
        pool.run(2, &|_| {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
        });
    }
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
    let pool = pool(3);
    for bad in [0, 5, 63] {
        let job = || {
            pool.run(64, &|index| assert!(index != bad, "chunk {index} is bad"));
        };
        let panic = catch_unwind(AssertUnwindSafe(job)).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert_eq!(*text, format!("chunk {bad} is bad"));
        let done = AtomicUsize::new(0);
        pool.run(64, &|_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.load(Ordering::Relaxed), 64);
    }
}

#[test]
fn a_job_within_a_job_runs_on_its_thread() {
    let pool = pool(3);
    let inner = AtomicUsize::new(0);
    pool.run(6, &|_| {
        let thread = thread::current().id();
        pool.run(5, &|_| {
            assert_eq!(thread::current().id(), thread);
            inner.fetch_add(1, Ordering::Relaxed);
        });
    });
    assert_eq!(inner.load(Ordering::Relaxed), 30);
}

#[test]
fn callers_on_several_threads_all_finish() {
    let pool = pool(2);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    pool.run(8, &|_| {
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    assert_eq!(done.load(Ordering::Relaxed), 4 * 500 * 8);
}

#[test]
fn dropping_ends_the_threads() {
    for round in 0..50 {
        let pool = pool(4);
        let shared = Arc::downgrade(&pool.shared);
        if round % 2 == 0 {
            pool.run(4, &|_| {});
        }
        drop(pool);
        assert_eq!(shared.strong_count(), 0, "every worker has let go");
    }
}
