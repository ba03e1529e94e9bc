//! Deployments that call each other: Ray Serve's own example.

use crate::deployment::{Blueprint, Deployment, DeploymentConfig, DeploymentHandle, Host};
use crate::stage::{Call, CallError, Stage, StageError};

struct Adder(f64);

impl Stage for Adder {
    type Input = f64;
    type Output = f64;
    async fn call(&self, input: f64, _: &Call) -> Result<f64, StageError> {
        if input.is_nan() {
            return Err(StageError::invalid("the input is not a number"));
        }
        assert!(input < 1e9, "too large for a panic-free life");
        Ok(input + self.0)
    }
}

struct Mean {
    one: DeploymentHandle<f64, f64>,
    two: DeploymentHandle<f64, f64>,
}

impl Stage for Mean {
    type Input = f64;
    type Output = f64;
    async fn call(&self, input: f64, call: &Call) -> Result<f64, StageError> {
        let (one, two) = tokio::try_join!(self.one.call(input, call), self.two.call(input, call))?;
        Ok(f64::midpoint(one, two))
    }
}

fn start<S: Stage>(
    name: &str,
    make: impl Fn() -> S + Send + Sync + 'static,
) -> Deployment<S::Input, S::Output> {
    Deployment::start(
        name,
        DeploymentConfig::default(),
        Blueprint::of(1, make),
        &Host::new(7),
    )
}

#[tokio::test(start_paused = true)]
async fn one_and_two_added_to_a_hundred_have_the_mean_101_5() {
    let one = start("add-one", || Adder(1.0));
    let two = start("add-two", || Adder(2.0));
    let handles = (one.handle(), two.handle());
    let mean = start("mean", move || Mean {
        one: handles.0.clone(),
        two: handles.1.clone(),
    });
    let call = Call::new("r");
    let result = mean.handle().call(100.0, &call).await.unwrap();
    assert!((result - 101.5).abs() < f64::EPSILON);

    let wrong = mean.handle().call(f64::NAN, &call).await.unwrap_err();
    assert_eq!(wrong.deployment(), "mean");
    assert!(
        matches!(wrong.root(), Some(StageError::Invalid { .. })),
        "{wrong:?}"
    );
    let said = "the stage `mean` failed: the stage `add-one` failed: the input is not a number";
    assert_eq!(wrong.to_string(), said);

    let panicked = mean.handle().call(1e10, &call).await.unwrap_err();
    assert!(
        matches!(panicked.root(), Some(StageError::Failed(_))),
        "{panicked:?}"
    );
    assert!(
        mean.handle().call(1.0, &call).await.is_ok(),
        "a panic is one request's affair"
    );

    one.shut_down().await;
    let gone = mean.handle().call(1.0, &call).await.unwrap_err();
    assert!(gone.may_retry());
    let CallError::Stage { error, .. } = gone else {
        panic!("{gone:?}")
    };
    let said = "the deployment `add-one` does not serve: it is gone";
    assert_eq!(error.to_string(), said);
}
