//! Requests that name a model go where it is.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fixture::seconds;
use crate::deployment::{Blueprint, Deployment, DeploymentConfig, Host, Replicas};
use crate::stage::multiplex::Multiplexed;
use crate::stage::{Call, Stage, StageError};

/// Answers with the model's name; loading one takes ten seconds.
struct Named(Multiplexed<String>);

impl Stage for Named {
    type Input = ();
    type Output = String;

    async fn call(&self, (): (), call: &Call) -> Result<String, StageError> {
        let id = call
            .model()
            .ok_or_else(|| StageError::invalid("name a model"))?;
        let model = self.0.get(id).await?;
        sleep(seconds(0.1)).await;
        Ok(model.to_string())
    }

    fn holds_model(&self, model: &str) -> bool {
        self.0.holds(model)
    }

    fn models_held(&self) -> usize {
        self.0.count()
    }
}

fn named() -> Named {
    Named(Multiplexed::new(NonZeroUsize::new(2), |id| async move {
        sleep(seconds(10.0)).await;
        Ok(id)
    }))
}

#[tokio::test(start_paused = true)]
async fn a_model_is_loaded_once_and_models_are_spread() {
    let config = DeploymentConfig {
        replicas: Replicas::Fixed(3),
        ..DeploymentConfig::default()
    };
    let deployment = Deployment::start("named", config, Blueprint::of(1, named), &Host::new(1));
    sleep(seconds(1.0)).await;
    let handle = deployment.handle();
    let ask = async |model: &str| {
        let call = Call::new("r").with_model(model);
        let (answer, permit) = handle.open((), &call).await.unwrap();
        assert_eq!(answer, model);
        permit.replica()
    };
    let mut homes = Vec::new();
    for model in ["a", "b", "c"] {
        homes.push(ask(model).await);
    }
    let mut apart = homes.clone();
    apart.sort_unstable();
    apart.dedup();
    assert_eq!(apart.len(), 3, "each at the replica with the fewest");
    let began = Instant::now();
    for round in 0..5 {
        for (model, home) in ["a", "b", "c"].iter().zip(&homes) {
            assert_eq!(ask(model).await, *home, "in round {round}");
        }
    }
    assert_eq!(
        began.elapsed(),
        Duration::from_millis(1500),
        "none was loaded again"
    );
    // While one is being loaded its requests wait for it there.
    let both = tokio::join!(ask("d"), ask("d"));
    assert_eq!(both.0, both.1);
}

#[tokio::test(start_paused = true)]
async fn a_full_replica_is_not_waited_for() {
    let config = DeploymentConfig {
        replicas: Replicas::Fixed(2),
        max_ongoing_requests: 1,
        ..DeploymentConfig::default()
    };
    let deployment = Deployment::start("named", config, Blueprint::of(1, named), &Host::new(1));
    sleep(seconds(1.0)).await;
    let handle = deployment.handle();
    let call = Call::new("r").with_model("a");
    let one = handle.open((), &call).await.unwrap().1;
    let other = handle.open((), &call).await.unwrap().1;
    assert_ne!(one.replica(), other.replica());
}
