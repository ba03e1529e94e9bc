//! The data folder: opened when it is first needed, locked, and worked on away from the async threads.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use redb::backends::InMemoryBackend;
use redb::{Database, DatabaseError};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::task::TaskTracker;

use super::bodies;
use super::error::StoreError;
use super::shelf;

/// The store as the rooms above have it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    home: Home,
    open: Arc<Mutex<Option<Arc<Opened>>>>,
    /// Turns at the disk: more at once would only take from each other.
    turns: Arc<Semaphore>,
    /// Work that has begun, which is finished even when nobody waits for it.
    working: TaskTracker,
}

/// Where a store keeps things.
#[derive(Debug, Clone)]
enum Home {
    Folder(Arc<Path>),
    /// As long as the process runs.
    Memory,
    Nowhere,
}

/// A folder that this process holds.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) database: Database,
    /// Where the bodies lie.
    pub(super) bodies: PathBuf,
}

/// The database's name in the folder.
const FILE: &str = "gateway.redb";
/// The folder of bodies.
const BODIES: &str = "files";
/// Bytes of the database that are kept in memory.
const CACHE_BYTES: usize = 16 << 20;
/// Calls that work at the same time; more wait.
const MAX_CALLS: usize = 8;

impl Store {
    /// A store in `folder`, of which nothing is touched yet; `None` keeps nothing.
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        let home = folder.map_or(Home::Nowhere, |folder| Home::Folder(Arc::from(folder)));
        Self::of(home)
    }

    /// A store of records that forgets all when the process ends; it keeps no bodies.
    pub(crate) fn in_memory() -> Self {
        Self::of(Home::Memory)
    }

    fn of(home: Home) -> Self {
        Self {
            home,
            open: Arc::default(),
            turns: Arc::new(Semaphore::new(MAX_CALLS)),
            working: TaskTracker::new(),
        }
    }

    /// Whether anything was ever kept here.
    pub(crate) fn exists(&self) -> bool {
        match &self.home {
            Home::Folder(folder) => folder.join(FILE).exists(),
            Home::Memory => true,
            Home::Nowhere => false,
        }
    }

    /// Runs blocking work in turn. Work that has begun is finished even when nobody waits.
    ///
    /// # Errors
    /// That of the work, or why there is no folder to work on.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Opened) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let interrupted = |error: &dyn std::fmt::Display| StoreError::Failed(error.to_string());
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| interrupted(&error))?;
        let (store, token) = (self.clone(), self.working.token());
        let worked = spawn_blocking(move || {
            let opened = store.opened();
            let result = opened.and_then(|opened| work(&opened));
            drop((store, turn, token));
            result
        });
        worked.await.map_err(|error| interrupted(&error))?
    }

    /// Waits for what has begun, and lets go of the folder.
    pub(crate) async fn close(&self) {
        self.working.close();
        self.working.wait().await;
        drop(self.open.lock().take());
    }

    fn opened(&self) -> Result<Arc<Opened>, StoreError> {
        let mut open = self.open.lock();
        if let Some(opened) = &*open {
            return Ok(Arc::clone(opened));
        }
        let opened = Arc::new(match &self.home {
            Home::Folder(folder) => Opened::open(folder)?,
            Home::Memory => Opened::in_memory()?,
            Home::Nowhere => return Err(StoreError::Off),
        });
        *open = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

impl Opened {
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        shelf::make_all(&database)?;
        let bodies = PathBuf::new();
        Ok(Self { database, bodies })
    }

    /// Opens or makes a folder, and clears away what a crash left there.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        let bodies = folder.join(BODIES);
        // What clients upload is nobody else's business.
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(&bodies)
            .map_err(|error| cannot_make(folder, &error))?;
        let folder = fs::canonicalize(folder)?;
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(folder.join(FILE))
            .map_err(|error| {
                if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
                    return StoreError::InUse(folder.clone());
                }
                StoreError::Failed(error.to_string())
            })?;
        shelf::make_all(&database)?;
        let opened = Self { database, bodies };
        bodies::sweep(&opened)?;
        Ok(opened)
    }
}

fn cannot_make(folder: &Path, error: &dyn std::fmt::Display) -> StoreError {
    let folder = folder.display();
    StoreError::Failed(format!("the folder `{folder}` cannot be made: {error}"))
}
