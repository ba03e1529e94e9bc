//! What is open, by name, so that it is opened once.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use anyhow::Result;

/// Opened things of one sort.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    open: BTreeMap<String, T>,
}

impl<T: Clone> Shelf<T> {
    /// What `specs` name, in their order: from here where it is and is not among `renewed`, else by
    /// `make`.
    ///
    /// # Errors
    /// That of the first that cannot be made.
    pub(super) async fn all<'s, S, F>(
        &self,
        specs: &'s [S],
        name: impl Fn(&S) -> &str,
        renewed: &BTreeSet<String>,
        mut make: impl FnMut(&'s S) -> F,
    ) -> Result<Vec<(String, T)>>
    where
        F: Future<Output = Result<T>>,
    {
        let mut all = Vec::new();
        for spec in specs {
            let name = name(spec);
            let kept = self.open.get(name).filter(|_| !renewed.contains(name));
            let opened = match kept {
                Some(kept) => kept.clone(),
                None => make(spec).await?,
            };
            all.push((name.to_owned(), opened));
        }
        Ok(all)
    }

    /// Keeps these and forgets all others.
    pub(super) fn keep(&mut self, all: Vec<(String, T)>) {
        self.open = all.into_iter().collect();
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
        }
    }
}
