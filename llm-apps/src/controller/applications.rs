//! The applications of one server: brought from what runs to what a configuration says.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::application::Application;
use super::status::ApplicationStatus;
use super::surroundings::Surroundings;
use crate::spec::ApplicationSpec;

/// Holds the applications, and ends what is not wanted any more without dropping a request.
#[derive(Debug, Default)]
pub struct Controller {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    applications: Vec<Arc<Application>>,
    /// Those that are on their way out.
    leaving: Vec<Weak<Application>>,
    /// Each ends what some configuration had no use for.
    endings: JoinSet<()>,
}

/// Time between two looks whether anybody still has an application that is to go.
const LOOK: Duration = Duration::from_millis(50);

impl Controller {
    /// Brings the applications to what `specs` say, and returns them in that order. Those that are not
    /// there any more go when the last request that may use them has been answered.
    ///
    /// Must be called on a runtime, which runs the deployments.
    pub fn apply(&self, specs: &[ApplicationSpec], around: &Surroundings) -> Vec<Arc<Application>> {
        let mut inner = self.inner.lock();
        while inner.endings.try_join_next().is_some() {}
        inner.leaving.retain(|gone| gone.strong_count() > 0);
        let mut before = std::mem::take(&mut inner.applications);
        for spec in specs {
            let known = before.iter().position(|known| known.name() == spec.name);
            let application = match known.map(|index| before.swap_remove(index)) {
                Some(known) => {
                    let succession = known.update(spec, around);
                    inner.endings.spawn(succession.complete(Arc::clone(&known)));
                    known
                }
                None => Arc::new(Application::start(spec, around)),
            };
            inner.applications.push(application);
        }
        for gone in before {
            gone.mark_deleting();
            inner.leaving.push(Arc::downgrade(&gone));
            inner.endings.spawn(end(gone));
        }
        inner.applications.clone()
    }

    /// How the applications stand, also those that are going.
    pub fn status(&self) -> BTreeMap<String, ApplicationStatus> {
        let inner = self.inner.lock();
        let leaving: Vec<_> = inner.leaving.iter().filter_map(Weak::upgrade).collect();
        let applications = inner.applications.clone();
        drop(inner);
        // One that came back under its name is told, not the one that leaves.
        let all = leaving.iter().chain(&applications);
        let status = |a: &Arc<Application>| (a.name().to_owned(), a.status());
        all.map(status).collect()
    }

    /// Ends all applications, and what was ending already.
    pub async fn shut_down(&self) {
        let mut inner = std::mem::take(&mut *self.inner.lock());
        for gone in inner.applications.drain(..) {
            gone.mark_deleting();
            inner.endings.spawn(end(gone));
        }
        while let Some(ended) = inner.endings.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "an application did not end as it should");
            }
        }
    }
}

/// Ends an application when nobody has it any more: a request that found it may still be on its way to
/// it.
async fn end(mut application: Arc<Application>) {
    loop {
        match Arc::try_unwrap(application) {
            Ok(last) => return last.shut_down().await,
            Err(held) => application = held,
        }
        sleep(LOOK).await;
    }
}
