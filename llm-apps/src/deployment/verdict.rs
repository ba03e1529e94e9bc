//! Where a deployment stands, and why: from one look at its replicas to the next.

use super::status::{DeploymentState, StatusTrigger};

/// What a look shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// Replicas that are wanted.
    pub(super) target: usize,
    /// Replicas of the wished version that serve.
    pub(super) serving: usize,
    /// All replicas, those that start or stop among them.
    pub(super) all: usize,
    /// Whether starting was given up.
    pub(super) gives_up: bool,
}

/// What was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    state: DeploymentState,
    trigger: StatusTrigger,
    /// Whether all replicas of this configuration ran at some time.
    has_run: bool,
    target: Option<usize>,
}

impl Default for Verdict {
    fn default() -> Self {
        Self {
            state: DeploymentState::Updating,
            trigger: StatusTrigger::ConfigUpdateStarted,
            has_run: false,
            target: None,
        }
    }
}

impl Verdict {
    /// A configuration came.
    pub(super) fn update(&mut self) {
        *self = Self::default();
    }

    /// It is going away.
    pub(super) fn delete(&mut self) {
        self.trigger = StatusTrigger::Deleting;
        self.state = DeploymentState::Updating;
    }

    /// A replica could not start.
    pub(super) fn not_started(&mut self) {
        self.trigger = StatusTrigger::ReplicaStartupFailed;
        if self.has_run {
            self.state = DeploymentState::Unhealthy;
        }
    }

    /// A replica failed while it ran.
    pub(super) fn failed(&mut self) {
        self.trigger = StatusTrigger::HealthCheckFailed;
        if self.has_run {
            self.state = DeploymentState::Unhealthy;
        }
    }

    /// Whether all replicas of this configuration ran at some time.
    pub(super) fn has_run(&self) -> bool {
        self.has_run
    }

    pub(super) fn judge(&mut self, facts: &Facts) -> (DeploymentState, StatusTrigger) {
        use DeploymentState::{DeployFailed, Downscaling, Healthy, Updating, Upscaling};
        if self.trigger == StatusTrigger::Deleting {
            return (self.state, self.trigger);
        }
        let before = self.target.replace(facts.target);
        if self.state == Healthy
            && let Some(before) = before.filter(|before| *before != facts.target)
        {
            let grows = facts.target > before;
            self.state = if grows { Upscaling } else { Downscaling };
            self.trigger = StatusTrigger::Autoscaling;
        }
        if facts.gives_up {
            self.state = DeployFailed;
            self.trigger = StatusTrigger::ReplicaStartupFailed;
        } else if facts.serving == facts.target && facts.all == facts.target {
            let completed = match self.state {
                Upscaling => StatusTrigger::UpscaleCompleted,
                Downscaling => StatusTrigger::DownscaleCompleted,
                Updating => StatusTrigger::ConfigUpdateCompleted,
                DeploymentState::Unhealthy | DeployFailed | Healthy
                    if self.trigger == StatusTrigger::HealthCheckFailed
                        || self.trigger == StatusTrigger::ReplicaStartupFailed =>
                {
                    StatusTrigger::ConfigUpdateCompleted
                }
                DeploymentState::Unhealthy | DeployFailed | Healthy => self.trigger,
            };
            self.state = Healthy;
            self.trigger = completed;
            // That none runs where none is wanted says nothing of whether any can.
            self.has_run |= facts.target > 0;
        }
        (self.state, self.trigger)
    }
}
