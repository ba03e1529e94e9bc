//! `user_config` as stages of the YAML have it: a variable of that name, which changes in place.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::RwLock;
use serde_json::Value;
use tokio::sync::watch;

use crate::payload::{Payload, names};
use crate::stage::{Call, ErasedStage, StageError};

/// A stage whose variables have its deployment's `user_config` among them.
pub(super) struct Configured {
    stage: Arc<dyn ErasedStage<Payload, Payload>>,
    user_config: RwLock<Option<Value>>,
}

impl Configured {
    /// `stage`, before it is configured.
    pub(super) fn over(
        stage: Arc<dyn ErasedStage<Payload, Payload>>,
    ) -> Arc<dyn ErasedStage<Payload, Payload>> {
        Arc::new(Self {
            stage,
            user_config: RwLock::default(),
        })
    }
}

impl ErasedStage<Payload, Payload> for Configured {
    fn call<'a>(
        &'a self,
        mut payload: Payload,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Payload, StageError>> {
        let user_config = self.user_config.read().clone();
        let Some(user_config) = user_config else {
            return self.stage.call(payload, call);
        };
        async move {
            payload.set(names::USER_CONFIG, user_config);
            let mut payload = self.stage.call(payload, call).await?;
            // It is this deployment's, and no other stage's.
            payload.remove(names::USER_CONFIG);
            Ok(payload)
        }
        .boxed()
    }

    fn check_health(&self) -> BoxFuture<'_, Result<(), StageError>> {
        self.stage.check_health()
    }

    fn ready(&self) -> Option<watch::Receiver<bool>> {
        self.stage.ready()
    }

    fn holds_model(&self, model: &str) -> bool {
        self.stage.holds_model(model)
    }

    fn models_held(&self) -> usize {
        self.stage.models_held()
    }

    fn reconfigure<'a>(&'a self, user_config: &'a Value) -> BoxFuture<'a, Result<(), StageError>> {
        let user_config = Some(user_config.clone()).filter(|value| !value.is_null());
        *self.user_config.write() = user_config;
        std::future::ready(Ok(())).boxed()
    }
}
