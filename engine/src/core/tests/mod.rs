//! The engine without its thread: each test calls the steps itself.

mod pace;
mod resumption;
mod sampling;
mod simulation;
mod speculation;
mod step;
mod tiers;
mod workload;

use std::sync::Arc;

use flume::Receiver;

use crate::core::{Clock, Core, EngineStats, Held, StatsBoard, Submission};
use crate::event::TokenEvent;
use crate::kv_cache::KvCache;
use crate::model::Forward;
use crate::request::{GenerateRequest, ModelLimits};
use crate::scheduler::{Scheduler, SchedulerLimits};
use crate::speculation::Speculator;

const LIMITS: ModelLimits = ModelLimits {
    vocab_size: 64,
    max_model_len: 1024,
};
const EOS: u32 = 0;

/// A core, the count of the requests that it holds, and its statistics.
struct Bench {
    core: Core,
    held: Held,
    stats: Arc<StatsBoard>,
}

impl Bench {
    /// A bench on which no time passes.
    fn new(model: impl Forward + 'static, limits: SchedulerLimits, prefix_caching: bool) -> Self {
        Self::with_clock(model, limits, prefix_caching, Clock::stopped())
    }

    fn with_clock(
        model: impl Forward + 'static,
        limits: SchedulerLimits,
        prefix_caching: bool,
        clock: Clock,
    ) -> Self {
        let cache = KvCache::new(model.num_blocks(), prefix_caching);
        Self::with_cache(model, limits, cache, clock)
    }

    fn with_cache(
        model: impl Forward + 'static,
        limits: SchedulerLimits,
        cache: KvCache,
        clock: Clock,
    ) -> Self {
        let scheduler = Scheduler::new(limits, cache, vec![EOS]);
        let stats = Arc::new(StatsBoard::default());
        Self {
            core: Core::new(
                Box::new(model),
                scheduler,
                vec![EOS],
                Arc::clone(&stats),
                clock,
            ),
            held: Held::new(1000),
            stats,
        }
    }

    /// The same, guessing ahead.
    fn speculating(mut self, speculator: Speculator) -> Self {
        self.core = self.core.speculating(speculator);
        self
    }

    fn submit(&mut self, request: GenerateRequest) -> Receiver<TokenEvent> {
        let reservation = self.held.reserve().expect("the limit is out of reach");
        let (submission, events) = Submission::new(request, reservation);
        self.core.accept(submission);
        events
    }

    fn step(&mut self) {
        self.core.step();
        assert_eq!(self.core.check(), Ok(()));
    }

    fn run_to_end(&mut self) {
        while !self.core.is_idle() {
            self.step();
        }
    }

    fn stats(&self) -> EngineStats {
        self.stats.read(self.held.count())
    }
}

fn is_terminal(event: &TokenEvent) -> bool {
    matches!(event, TokenEvent::Done { .. } | TokenEvent::Failed(_))
}
