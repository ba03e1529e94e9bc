//! The models that one replica holds.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::stage::StageError;

/// Loads models by their ids and keeps some of them. A model that makes room goes when the last request
/// that uses it is answered.
pub struct Multiplexed<M> {
    load: Box<Load<M>>,
    most: Option<NonZeroUsize>,
    held: Mutex<Held<M>>,
    /// One model is loaded, or let go, at a time.
    turn: tokio::sync::Mutex<()>,
}

type Load<M> = dyn Fn(String) -> BoxFuture<'static, Result<M, StageError>> + Send + Sync;

struct Held<M> {
    /// From the one that was unused for longest.
    models: Vec<(String, Arc<M>)>,
    /// The one that is being loaded.
    loading: Option<String>,
}

impl<M: Send + Sync + 'static> Multiplexed<M> {
    /// The models of a replica unless it is said otherwise.
    pub const DEFAULT_MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2);

    /// `load` makes the model of an id, or says that there is none. At most `most` are held
    /// (`max_num_models_per_replica`); `None` holds whatever was ever asked for.
    pub fn new<F>(
        most: Option<NonZeroUsize>,
        load: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<M, StageError>> + Send + 'static,
    {
        Self {
            load: Box::new(move |id| load(id).boxed()),
            most,
            held: Mutex::new(Held {
                models: Vec::new(),
                loading: None,
            }),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The model of this id, which is loaded if it is not held. Those who ask for it meanwhile wait.
    ///
    /// # Errors
    /// That of the loading; the next one who asks tries again.
    pub async fn get(&self, id: &str) -> Result<Arc<M>, StageError> {
        if let Some(model) = self.held.lock().used(id) {
            return Ok(model);
        }
        let turn = self.turn.lock().await;
        // Who had the turn before may have loaded it.
        if let Some(model) = self.held.lock().used(id) {
            return Ok(model);
        }
        let loading = Loading::begin(self, id);
        let model = Arc::new((self.load)(id.to_owned()).await?);
        drop(loading);
        let model_of_id = (id.to_owned(), Arc::clone(&model));
        self.held.lock().models.push(model_of_id);
        drop(turn);
        Ok(model)
    }

    /// Whether the model is held, or being loaded.
    pub fn holds(&self, id: &str) -> bool {
        let held = self.held.lock();
        held.loading.as_deref() == Some(id) || held.models.iter().any(|(known, _)| known == id)
    }

    /// Models that are held or being loaded.
    pub fn count(&self) -> usize {
        let held = self.held.lock();
        held.models.len() + usize::from(held.loading.is_some())
    }
}

impl<M> Held<M> {
    /// The model, as the one that was used last.
    fn used(&mut self, id: &str) -> Option<Arc<M>> {
        let at = self.models.iter().position(|(known, _)| known == id)?;
        let used = self.models.remove(at);
        let model = Arc::clone(&used.1);
        self.models.push(used);
        Some(model)
    }
}

/// A model that is being loaded. It is not any more when this is dropped, whether it came or not.
struct Loading<'a, M>(&'a Multiplexed<M>);

impl<'a, M> Loading<'a, M> {
    /// Makes room for the model before it comes.
    fn begin(models: &'a Multiplexed<M>, id: &str) -> Self {
        let mut held = models.held.lock();
        held.loading = Some(id.to_owned());
        let room = models.most.map_or(usize::MAX, |most| most.get() - 1);
        let over = held.models.len().saturating_sub(room);
        let gone: Vec<_> = held.models.drain(..over).collect();
        drop(held);
        // A model may take its time to go.
        drop(gone);
        Self(models)
    }
}

impl<M> Drop for Loading<'_, M> {
    fn drop(&mut self) {
        self.0.held.lock().loading = None;
    }
}

impl<M> fmt::Debug for Multiplexed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held.lock();
        let ids: Vec<_> = held.models.iter().map(|(id, _)| id).collect();
        f.debug_struct("Multiplexed")
            .field("models", &ids)
            .field("loading", &held.loading)
            .finish_non_exhaustive()
    }
}
