//! A thousand made-up days of an engine: the production scheduler, cache, samplers and step, a model
//! that notices wrong blocks, and no threads, so that a seed replays exactly.
//!
//! After each step all invariants hold (the step itself checks the plan's before it is computed).
//! In the end every request has ended once, within a bounded number of steps, and has said what it
//! says when it is alone (E9 as far as the scheduler is concerned).

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use flume::{Receiver, TryRecvError};
use parking_lot::Mutex;

use crate::config::KvTiersConfig;
use crate::core::tests::workload::Workload;
use crate::core::tests::{Bench, LIMITS, is_terminal};
use crate::core::{Clock, EngineStats};
use crate::error::EngineError;
use crate::event::TokenEvent;
use crate::kv_cache::KvCache;
use crate::kv_tiers::KvTiers;
use crate::model::{Forward, ModelError};
use crate::request::GenerateRequest;
use crate::scheduler::SchedulerLimits;
use crate::testing::FakeModel;

#[test]
fn a_thousand_days() {
    let mut seen = Seen::default();
    for seed in 0..1000 {
        let on_failure = NameSeed(seed);
        let workload = Workload::new(seed);
        let day = Day::simulate(&workload);
        assert_eq!(
            day.log,
            Day::simulate(&workload).log,
            "a seed tells one story"
        );
        for (arrival, reader) in workload.arrivals.iter().zip(&day.readers) {
            reader.compare(&alone(&workload, &arrival.request), &mut seen);
        }
        seen.count(&day.stats);
        drop(on_failure);
    }
    // What the seeds are for did happen, and often.
    eprintln!("{seen:?}");
    assert!(seen.finished > 5000, "{seen:?}");
    assert!(seen.vanished > 1000, "{seen:?}");
    assert!(seen.too_small > 100, "{seen:?}");
    assert!(seen.model_failed > 100, "{seen:?}");
    assert!(seen.preemptions > 1000, "{seen:?}");
    assert!(seen.prefix_hit_tokens > 10_000, "{seen:?}");
    assert!(seen.bypasses > 100, "{seen:?}");
    assert!(seen.restored_blocks > 100, "{seen:?}");
    assert!(seen.scored > 1000, "{seen:?}");
    assert!(seen.accepted_tokens > 10_000, "{seen:?}");
    assert!(seen.rejected_tokens > 10_000, "{seen:?}");
}

/// What a simulated engine did.
struct Day {
    /// Plans, events and statistics in order.
    log: String,
    readers: Vec<Reader>,
    stats: EngineStats,
}

/// The client of one request.
#[derive(Default)]
struct Reader {
    stream: Option<Receiver<TokenEvent>>,
    events: Vec<TokenEvent>,
    vanished: bool,
}

impl Day {
    fn simulate(workload: &Workload) -> Self {
        let log = Arc::new(Mutex::new(String::new()));
        let now = Arc::new(Mutex::new(Duration::ZERO));
        let model = logged_model(workload, Arc::clone(&log), Arc::clone(&now));
        let mut bench = bench(workload, model, Clock::new(move || *now.lock()));
        if let Some(speculator) = workload.speculator() {
            bench = bench.speculating(speculator);
        }
        let mut readers: Vec<Reader> = Vec::new();
        readers.resize_with(workload.arrivals.len(), Reader::default);

        for turn in 0.. {
            assert!(turn <= workload.most_turns(), "E7: it takes too long");
            let mut all_came = true;
            for (arrival, reader) in workload.arrivals.iter().zip(&mut readers) {
                if arrival.at == turn {
                    reader.stream = Some(bench.submit(arrival.request.clone()));
                }
                if arrival.vanishes == Some(turn) {
                    reader.vanish();
                }
                all_came &= arrival.at <= turn;
            }
            bench.step();
            let reading = readers.iter_mut().enumerate();
            let still: usize = reading.map(|(i, r)| r.read(turn, i, &log)).sum();
            let stats = bench.stats();
            writeln!(log.lock(), "{turn}: {stats:?}").unwrap();
            assert_eq!(stats.held_requests, still, "a reservation is held too long");
            assert_eq!(stats.num_running + stats.num_waiting, still);
            if all_came && bench.core.is_idle() {
                break;
            }
        }
        let stats = bench.stats();
        assert_eq!(stats.blocks.used, 0);
        let log = std::mem::take(&mut *log.lock());
        Self {
            log,
            readers,
            stats,
        }
    }
}

impl Reader {
    /// Goes away, unless it has read its end.
    fn vanish(&mut self) {
        if self.stream.take().is_some() {
            self.vanished = true;
        }
    }

    /// Reads what has come; 1 when the end has not.
    fn read(&mut self, turn: usize, index: usize, log: &Mutex<String>) -> usize {
        let Some(stream) = &self.stream else { return 0 };
        for event in stream.try_iter() {
            writeln!(log.lock(), "{turn}: request {index} gets {event:?}").unwrap();
            self.events.push(event);
        }
        if !self.events.last().is_some_and(is_terminal) {
            return 1;
        }
        assert_eq!(stream.try_recv(), Err(TryRecvError::Disconnected));
        self.stream = None;
        0
    }

    /// E5 and E9: it ended once, and what it read is what it reads alone, or the beginning of it
    /// where it was cut off.
    fn compare(&self, alone: &[TokenEvent], seen: &mut Seen) {
        let ends = self.events.iter().filter(|e| is_terminal(e)).count();
        assert_eq!(ends, usize::from(!self.vanished), "E5");
        seen.scored += usize::from(matches!(self.events.first(), Some(TokenEvent::Prompt(_))));
        let said = match self.events.last() {
            Some(TokenEvent::Failed(error)) => {
                let injected = error.to_string().contains("injected");
                let too_small = matches!(error, EngineError::CacheTooSmall { .. });
                assert!(injected || too_small, "nobody caused this: {error}");
                seen.model_failed += usize::from(injected);
                seen.too_small += usize::from(too_small);
                &self.events[..self.events.len() - 1]
            }
            Some(TokenEvent::Done { .. }) => {
                seen.finished += 1;
                assert_eq!(self.events.len(), alone.len());
                &self.events[..]
            }
            _ => {
                seen.vanished += 1;
                &self.events[..]
            }
        };
        let mut cached = said.to_vec();
        let mut cached = cached.iter_mut().filter_map(cached_of);
        if let Some(first) = cached.next() {
            assert!(cached.all(|c| c == first), "the cost changes on the way");
        }
        for (said, alone) in said.iter().zip(alone) {
            assert_eq!(without_cached(said), without_cached(alone), "E9");
        }
    }
}

/// The day's engine. Its memory tier is part of it; a disk's thread would tell no story twice.
fn bench(workload: &Workload, model: FakeModel, clock: Clock) -> Bench {
    let mut cache = KvCache::new(workload.num_blocks, workload.prefix_caching);
    let tiers = workload.tier_blocks.map(|blocks| {
        let ram_bytes = blocks * model.block_bytes();
        let config = KvTiersConfig {
            ram_bytes,
            disk: None,
        };
        KvTiers::open(&config, &model).expect("two blocks and more")
    });
    let (tiers, index) = tiers.unzip();
    if let Some(index) = index {
        cache = cache.with_tiers(index);
    }
    let mut bench = Bench::with_cache(model, workload.limits, cache, clock);
    bench.core = bench.core.with_tiers(tiers);
    bench
}

/// The model writes down each plan that it is given, and takes its time.
fn logged_model(
    workload: &Workload,
    log: Arc<Mutex<String>>,
    now: Arc<Mutex<Duration>>,
) -> FakeModel {
    let fails_every = workload.fails_every;
    let token_micros = workload.token_micros;
    let mut steps = 0;
    workload.model(workload.num_blocks).on_step(move |plan| {
        steps += 1;
        writeln!(log.lock(), "plan {plan:?}").unwrap();
        let micros = 5000 + token_micros * plan.num_tokens() as u64;
        *now.lock() += Duration::from_micros(micros);
        match fails_every {
            Some(every) if steps % every == 0 => Err(ModelError::Plan {
                why: "injected".to_owned(),
            }),
            _ => Ok(()),
        }
    })
}

/// What a request says with an engine to itself, read in one go.
fn alone(workload: &Workload, request: &GenerateRequest) -> Vec<TokenEvent> {
    let model = workload.model(LIMITS.max_model_len / 16);
    let mut bench = Bench::new(model, SchedulerLimits::new(1, LIMITS.max_model_len), false);
    let events = bench.submit(request.clone());
    bench.run_to_end();
    events.try_iter().collect()
}

/// How much was cached is the one thing that may differ.
fn without_cached(event: &TokenEvent) -> TokenEvent {
    let mut event = event.clone();
    if let Some(cached) = cached_of(&mut event) {
        *cached = 0;
    }
    event
}

fn cached_of(event: &mut TokenEvent) -> Option<&mut u32> {
    match event {
        TokenEvent::Done { usage, .. } => Some(&mut usage.cached_tokens),
        TokenEvent::Token { cached_tokens, .. } => Some(cached_tokens),
        TokenEvent::Prompt(_) | TokenEvent::Failed(_) => None,
    }
}

/// What happened in all days together.
#[derive(Debug, Default)]
struct Seen {
    finished: usize,
    vanished: usize,
    too_small: usize,
    model_failed: usize,
    scored: usize,
    steps: u64,
    preemptions: u64,
    prefix_hit_tokens: u64,
    bypasses: u64,
    restored_blocks: u64,
    accepted_tokens: u64,
    rejected_tokens: u64,
}

impl Seen {
    fn count(&mut self, stats: &EngineStats) {
        self.steps += stats.counters.steps;
        self.preemptions += stats.counters.preemptions;
        self.prefix_hit_tokens += stats.counters.prefix_hit_tokens;
        self.bypasses += stats.counters.bypasses;
        self.restored_blocks += stats.tiers.restored_blocks;
        self.accepted_tokens += stats.counters.accepted_tokens;
        self.rejected_tokens += stats.counters.draft_tokens - stats.counters.accepted_tokens;
    }
}

/// Says which seed failed.
struct NameSeed(u64);

impl Drop for NameSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the simulation failed with seed {}", self.0);
        }
    }
}
