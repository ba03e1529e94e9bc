//! The processes that compute models: what they count is read when somebody asks.

use llm_apps::remote::{ReplicaPhase, ReplicasStatus};
use metrics::{counter, gauge, with_local_recorder};

use super::Telemetry;
use super::names::{FAILOVERS, QUARANTINED, REPLICA_RESTARTS, REPLICAS};

impl Telemetry {
    /// Sets what the processes of the model `id` say.
    pub(crate) fn set_replicas(&self, id: &str, status: &ReplicasStatus) {
        with_local_recorder(&self.recorder, || {
            for phase in ReplicaPhase::ALL {
                let all = status.replicas.iter();
                let count = all.filter(|replica| replica.phase == phase).count();
                let labels = [
                    ("model_name", id.to_owned()),
                    ("state", phase.name().to_owned()),
                ];
                gauge!(REPLICAS, &labels).set(few(count));
            }
            let restarts = status.replicas.iter().map(|replica| replica.restarts);
            for (name, total) in [
                (REPLICA_RESTARTS, restarts.sum()),
                (FAILOVERS, status.failovers),
                (QUARANTINED, status.quarantined),
            ] {
                counter!(name, "model_name" => id.to_owned()).absolute(total);
            }
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn few(count: usize) -> f64 {
    count as f64
}
