//! A small world to plan in: stages that take as long as they take, and replicas that start a while
//! after they were wanted.

use std::time::Duration;

use crate::deployment::autoscaling::slo::{
    Plan, PlannerState, ServiceTimes, SloConfig, StageLoad, plan,
};

/// How long a replica takes to start, in plans.
const START: usize = 2;

/// The stages of one application over time.
#[derive(Debug)]
pub(super) struct World {
    pub(super) slo: SloConfig,
    pub(super) stages: Vec<StageLoad>,
    pub(super) state: PlannerState,
    /// How long tokens of the last stage are apart for one stream alone, if it streams.
    pub(super) alone: Option<Duration>,
    /// The targets of the last plans.
    past: Vec<Vec<u32>>,
}

impl World {
    pub(super) fn new(slo: SloConfig, stages: Vec<StageLoad>) -> World {
        World {
            slo,
            past: vec![targets(&stages); START],
            stages,
            state: PlannerState::default(),
            alone: None,
        }
    }

    /// The targets of all stages.
    pub(super) fn targets(&self) -> Vec<u32> {
        targets(&self.stages)
    }

    /// Plans at `now` with `rate` requests a second, and does what the plan says.
    pub(super) fn tick(&mut self, rate: f64, now: Duration) -> Plan {
        let running = self.past.remove(0);
        for (stage, running) in self.stages.iter_mut().zip(running) {
            stage.arrival_rate = rate * stage.visits;
            stage.running_replicas = running.min(stage.target_replicas);
        }
        if let (Some(alone), Some(last)) = (self.alone, self.stages.last_mut()) {
            // Each stream on the same replica takes its part of every step.
            let busy = rate * last.service.unwrap().mean.as_secs_f64();
            let crowd = (busy / f64::from(last.running_replicas.max(1))).max(1.0);
            let apart = alone.mul_f64(crowd.min(f64::from(last.max_ongoing_requests)));
            last.between_tokens = Some(ServiceTimes {
                mean: apart,
                p95: apart,
            });
        }
        let plan = plan(&self.slo, &self.stages, &mut self.state, now);
        if let Some(change) = &plan.change {
            let stage = &mut self.stages[change.stage];
            assert_eq!(change.decision.prev_num_replicas, stage.target_replicas);
            stage.target_replicas = change.decision.curr_num_replicas;
        }
        self.past.push(self.targets());
        plan
    }
}

fn targets(stages: &[StageLoad]) -> Vec<u32> {
    stages.iter().map(|stage| stage.target_replicas).collect()
}
