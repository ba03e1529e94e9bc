//! The trait by which code becomes a stage, and its form that deployments hold.

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;

use super::call::Call;
use super::error::StageError;

/// What one replica of a deployment runs. A replica answers many calls at the same time; between
/// requests it keeps nothing of them (P1).
///
/// ```
/// use llm_apps::stage::{Call, Stage, StageError};
///
/// struct Adder(f64);
///
/// impl Stage for Adder {
///     type Input = f64;
///     type Output = f64;
///     async fn call(&self, input: f64, _: &Call) -> Result<f64, StageError> {
///         Ok(input + self.0)
///     }
/// }
/// ```
pub trait Stage: Send + Sync + 'static {
    /// What goes in.
    type Input: Send + 'static;
    /// What comes out.
    type Output: Send + 'static;

    /// Answers one request. Dropping the future cancels the work.
    fn call(
        &self,
        input: Self::Input,
        call: &Call,
    ) -> impl Future<Output = Result<Self::Output, StageError>> + Send;

    /// Whether the replica makes progress. It is asked every `health_check_period_s`; an error, or no
    /// answer within `health_check_timeout_s`, three times in a row has it replaced.
    fn check_health(&self) -> impl Future<Output = Result<(), StageError>> + Send {
        async { Ok(()) }
    }

    /// Whether the replica can take requests, where that changes while it runs: while this is false its
    /// deployment gives it none, and they wait or go to other replicas. Asked once, when it begins to
    /// serve, and for each request. Default: `None`, always.
    fn ready(&self) -> Option<watch::Receiver<bool>> {
        None
    }

    /// Takes a `user_config`, when it starts (if there is one) and whenever it changes, without a
    /// restart. A stage that has nothing to configure refuses.
    fn reconfigure(
        &self,
        user_config: &Value,
    ) -> impl Future<Output = Result<(), StageError>> + Send {
        let _ = user_config;
        async { Err(StageError::invalid("this stage takes no `user_config`")) }
    }

    /// Whether the replica has this model, or is loading it; see [`multiplex`](super::multiplex). Asked
    /// for each request that names a model, under the deployment's lock.
    fn holds_model(&self, model: &str) -> bool {
        let _ = model;
        false
    }

    /// How many models the replica holds.
    fn models_held(&self) -> usize {
        0
    }
}

/// [`Stage`] with its futures boxed, so that stages of one signature stand behind one type.
pub trait ErasedStage<I, O>: Send + Sync {
    /// [`Stage::call`]. A panic is an error of this request alone.
    fn call<'a>(&'a self, input: I, call: &'a Call) -> BoxFuture<'a, Result<O, StageError>>;
    /// [`Stage::check_health`].
    fn check_health(&self) -> BoxFuture<'_, Result<(), StageError>>;
    /// [`Stage::ready`].
    fn ready(&self) -> Option<watch::Receiver<bool>>;
    /// [`Stage::holds_model`].
    fn holds_model(&self, model: &str) -> bool;
    /// [`Stage::models_held`].
    fn models_held(&self) -> usize;
    /// [`Stage::reconfigure`].
    fn reconfigure<'a>(&'a self, user_config: &'a Value) -> BoxFuture<'a, Result<(), StageError>>;
}

/// Forgets which stage it is.
pub fn erase<S: Stage>(stage: S) -> Arc<dyn ErasedStage<S::Input, S::Output>> {
    Arc::new(Erased(stage))
}

struct Erased<S>(S);

impl<S: Stage> ErasedStage<S::Input, S::Output> for Erased<S> {
    fn call<'a>(
        &'a self,
        input: S::Input,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<S::Output, StageError>> {
        caught(self.0.call(input, call)).boxed()
    }

    fn check_health(&self) -> BoxFuture<'_, Result<(), StageError>> {
        caught(self.0.check_health()).boxed()
    }

    fn ready(&self) -> Option<watch::Receiver<bool>> {
        self.0.ready()
    }

    fn reconfigure<'a>(&'a self, user_config: &'a Value) -> BoxFuture<'a, Result<(), StageError>> {
        caught(self.0.reconfigure(user_config)).boxed()
    }

    fn holds_model(&self, model: &str) -> bool {
        self.0.holds_model(model)
    }

    fn models_held(&self) -> usize {
        self.0.models_held()
    }
}

/// A panic becomes an error. What the future had half done goes away with it, and a stage guards its
/// own state by what its locks say of poisoning; so nothing is seen that unwinding broke.
async fn caught<T>(work: impl Future<Output = Result<T, StageError>>) -> Result<T, StageError> {
    let outcome = std::panic::AssertUnwindSafe(work).catch_unwind().await;
    outcome.unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        tracing::error!(panic = said, "a stage panicked");
        Err(StageError::failed("the stage panicked"))
    })
}
