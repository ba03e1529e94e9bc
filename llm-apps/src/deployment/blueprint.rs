//! From what the replicas of a deployment are made.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::stage::{ErasedStage, Prefix, Stage, StageError, erase};

/// Makes replicas. Two blueprints of one version make the same; another version has the replicas
/// replaced, a few at a time.
pub struct Blueprint<I, O> {
    version: u64,
    make: Arc<Make<I, O>>,
    prefix: Option<ReadPrefix<I>>,
}

/// How the text of an input begins.
pub(super) type ReadPrefix<I> = Arc<dyn Fn(&I) -> Option<Prefix> + Send + Sync>;

type Make<I, O> = dyn Fn() -> Making<I, O> + Send + Sync;
type Making<I, O> = BoxFuture<'static, Result<Arc<dyn ErasedStage<I, O>>, StageError>>;

impl<I: Send + 'static, O: Send + 'static> Blueprint<I, O> {
    /// `make` is called for each replica; what it returns may take its time, and is dropped when the
    /// replica is not wanted any more.
    pub fn new<S, F>(version: u64, make: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        S: Stage<Input = I, Output = O>,
        F: Future<Output = Result<S, StageError>> + Send + 'static,
    {
        Self {
            version,
            make: Arc::new(move || {
                let making = make();
                async move { making.await.map(erase) }.boxed()
            }),
            prefix: None,
        }
    }

    /// The same, for routers that go by how the text of an input begins. It is asked for each request
    /// that such a router chooses for.
    #[must_use]
    pub fn with_prefix(
        mut self,
        read: impl Fn(&I) -> Option<Prefix> + Send + Sync + 'static,
    ) -> Self {
        self.prefix = Some(Arc::new(read));
        self
    }

    /// The same, each of whose stages is wrapped in another.
    #[must_use]
    pub fn wrapped(
        mut self,
        wrap: impl Fn(Arc<dyn ErasedStage<I, O>>) -> Arc<dyn ErasedStage<I, O>> + Send + Sync + 'static,
    ) -> Self {
        let (make, wrap) = (self.make, Arc::new(wrap));
        self.make = Arc::new(move || {
            let (making, wrap) = (make(), Arc::clone(&wrap));
            async move { making.await.map(|stage| wrap(stage)) }.boxed()
        });
        self
    }

    /// A stage that is made at once and cannot fail to be.
    pub fn of<S>(version: u64, make: impl Fn() -> S + Send + Sync + 'static) -> Self
    where
        S: Stage<Input = I, Output = O>,
    {
        Self::new(version, move || std::future::ready(Ok(make())))
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn prefix(&self) -> Option<&ReadPrefix<I>> {
        self.prefix.as_ref()
    }

    pub(super) fn make(&self) -> Making<I, O> {
        (self.make)()
    }
}

impl<I, O> Clone for Blueprint<I, O> {
    fn clone(&self) -> Self {
        Self {
            version: self.version,
            make: Arc::clone(&self.make),
            prefix: self.prefix.clone(),
        }
    }
}

impl<I, O> fmt::Debug for Blueprint<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blueprint")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
