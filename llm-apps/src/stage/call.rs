//! What goes with a request from stage to stage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::prefix::Prefix;
use super::record::{StageTiming, TokenCount};

/// One request on its way: who it is, until when it matters, what routers may go by, and what was
/// spent on it. Cheap to clone, and clones are the same request; a stage hands it on to the
/// deployments that it calls.
#[derive(Debug, Clone)]
pub struct Call {
    request_id: Arc<str>,
    deadline: Option<Instant>,
    session: Option<Arc<str>>,
    prefix: Option<Prefix>,
    model: Option<Arc<str>>,
    /// Nanoseconds that this stage's calls of other deployments took.
    nested: Arc<AtomicU64>,
    spent: Arc<Mutex<Spent>>,
}

#[derive(Debug, Default)]
struct Spent {
    tokens: TokenCount,
    timings: Vec<StageTiming>,
    /// How long readers waited for pieces of answers, by who makes them.
    waits: BTreeMap<Arc<str>, Duration>,
}

/// Timings that one request keeps; an endless loop would bring more.
const MAX_TIMINGS: usize = 256;

impl Call {
    /// A request with no deadline and no session.
    pub fn new(request_id: impl Into<Arc<str>>) -> Self {
        Self {
            request_id: request_id.into(),
            deadline: None,
            session: None,
            prefix: None,
            model: None,
            nested: Arc::default(),
            spent: Arc::default(),
        }
    }

    /// The same, given up after `timeout` from now: waiting and computing in all stages together.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.with_deadline(deadline),
            None => self,
        }
    }

    /// The same, given up at `deadline`, or before where it has an earlier one.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        let earlier = self.deadline.filter(|known| *known < deadline);
        self.deadline = Some(earlier.unwrap_or(deadline));
        self
    }

    /// The same, as part of a session: routers that know sessions keep it at one replica.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<Arc<str>>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// The same, for a text that begins like this: routers that know prefixes send it to a replica that
    /// was given such a text before.
    #[must_use]
    pub fn with_prefix(mut self, prefix: Prefix) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// The same, for one of the models that replicas hold: one that holds it is preferred.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<Arc<str>>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The same request as a stage sees it that is called for it: what that stage waits for is counted by
    /// itself.
    pub(crate) fn within(&self) -> Self {
        Self {
            nested: Arc::default(),
            ..self.clone()
        }
    }

    /// A deployment was called for so long.
    pub(crate) fn note_nested(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nested.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How long the deployments took that the stage called, all together.
    pub(crate) fn nested(&self) -> Duration {
        Duration::from_nanos(self.nested.load(Ordering::Relaxed))
    }

    /// The id under which logs, traces and errors name the request.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// When the request stops to matter, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The session that it belongs to.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// How the text begins that it is about, where that is known.
    pub fn prefix(&self) -> Option<&Prefix> {
        self.prefix.as_ref()
    }

    /// Which of a replica's models is asked, where there are several.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Counts tokens that a model read and wrote for it.
    pub fn count_tokens(&self, tokens: TokenCount) {
        let mut spent = self.spent.lock();
        spent.tokens = spent.tokens + tokens;
    }

    /// Tokens of all models so far.
    pub fn tokens(&self) -> TokenCount {
        self.spent.lock().tokens
    }

    /// Notes what a stage took.
    pub fn note_timing(&self, timing: StageTiming) {
        let mut spent = self.spent.lock();
        if spent.timings.len() < MAX_TIMINGS {
            spent.timings.push(timing);
        }
    }

    /// Somebody waited so long for a piece of the answer that `stage` makes: time of that stage, not of
    /// the one that reads.
    pub(crate) fn note_wait(&self, stage: &Arc<str>, took: Duration) {
        let mut spent = self.spent.lock();
        let timings = spent.timings.iter_mut();
        if let Some(timing) = timings.rev().find(|timing| timing.stage == *stage) {
            timing.ran += took;
        }
        *spent.waits.entry(Arc::clone(stage)).or_default() += took;
    }

    /// How long readers waited for pieces of answers that others than `stage` make.
    pub(crate) fn waited_for_others(&self, stage: &str) -> Duration {
        let spent = self.spent.lock();
        let others = spent.waits.iter().filter(|(name, _)| ***name != *stage);
        others.map(|(_, took)| *took).sum()
    }

    /// What the stages took so far, in the order in which they ended.
    pub fn timings(&self) -> Vec<StageTiming> {
        self.spent.lock().timings.clone()
    }
}
