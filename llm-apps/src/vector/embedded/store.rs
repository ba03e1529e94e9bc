//! The folder: opened once, locked, checked, and then read and written.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the database has scores of errors, and a few that are worded anew"
)]

use std::fmt;
use std::path::{Path, PathBuf};

use parking_lot::{Mutex, RwLock};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError};

use super::index::EmbeddedOptions;
use super::load::load;
use super::resident::Resident;
use super::tables::{FORMAT, IDS, META, POSTINGS, RECORDS, VECTORS};
use crate::vector::collection::CollectionIdentity;
use crate::vector::error::VectorError;

/// An open collection; its methods may block.
pub(super) struct Store {
    pub(super) folder: PathBuf,
    pub(super) identity: CollectionIdentity,
    pub(super) options: EmbeddedOptions,
    /// Declared before the database, since it holds a transaction of it.
    pub(super) resident: RwLock<Resident>,
    /// Held for a whole write, so that what it read stays true.
    pub(super) writer: Mutex<()>,
    pub(super) database: Database,
}

/// A failure inside, to which the store adds its folder.
#[derive(Debug)]
pub(super) enum Fault {
    /// What was read is not what was written.
    Corrupt(String),
    /// The system failed.
    Storage(String),
    /// There is no more room.
    Full,
    /// What was asked for cannot be.
    Refused(VectorError),
}

/// The file's name in the folder.
const FILE: &str = "collection.redb";

impl Store {
    /// Opens the collection in `folder`, which is made if it is not there.
    pub(super) fn open(
        folder: &Path,
        identity: CollectionIdentity,
        options: EmbeddedOptions,
    ) -> Result<Self, VectorError> {
        identity.prove()?;
        std::fs::create_dir_all(folder).map_err(|error| cannot_open(folder, &error))?;
        let database = Database::builder()
            .set_cache_size(options.cache_bytes)
            // All of it is about to be read anyway, and a damaged file must be an error, not a panic.
            .set_check_integrity_on_open(true)
            .create(folder.join(FILE))
            .map_err(|error| open_error(folder, error))?;
        let opened = prepare(&database, &identity)
            .and_then(|()| Ok(database.begin_read()?))
            .and_then(|snapshot| load(snapshot, &identity, options.max_points))
            .map_err(|fault| fault.at(folder, options.max_points))?;
        Ok(Self {
            folder: folder.to_owned(),
            identity,
            options,
            resident: RwLock::new(opened),
            writer: Mutex::new(()),
            database,
        })
    }

    /// Adds the folder to a failure.
    pub(super) fn explain(&self, fault: Fault) -> VectorError {
        fault.at(&self.folder, self.options.max_points)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("folder", &self.folder)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Writes the head and the tables of a new file, or checks those of an old one.
fn prepare(database: &Database, identity: &CollectionIdentity) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        let format = number(&meta, "format")?;
        match format {
            Some(FORMAT) => {
                let encoder = meta.get("encoder")?.map(|text| text.value().to_vec());
                let encoder = encoder.and_then(|bytes| String::from_utf8(bytes).ok());
                let dimension = number(&meta, "dimension")?.and_then(|n| usize::try_from(n).ok());
                let (Some(encoder), Some(dimension)) = (encoder, dimension) else {
                    let what = "the head does not say by which encoder it was made";
                    return Err(Fault::Corrupt(what.to_owned()));
                };
                identity
                    .agree(&encoder, dimension)
                    .map_err(Fault::Refused)?;
            }
            Some(found) => return Err(Fault::Refused(wrong_format(found))),
            None => {
                let dimension = u32::try_from(identity.dimension).unwrap_or(u32::MAX);
                meta.insert("format", FORMAT.to_le_bytes().as_slice())?;
                meta.insert("encoder", identity.encoder.as_bytes())?;
                meta.insert("dimension", dimension.to_le_bytes().as_slice())?;
            }
        }
        transaction.open_table(IDS)?;
        transaction.open_table(RECORDS)?;
        transaction.open_table(VECTORS)?;
        transaction.open_table(POSTINGS)?;
    }
    Ok(transaction.commit()?)
}

fn number(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Option<u32>, Fault> {
    let Some(bytes) = meta.get(key)? else {
        return Ok(None);
    };
    match bytes.value().try_into() {
        Ok(bytes) => Ok(Some(u32::from_le_bytes(bytes))),
        Err(_) => Err(Fault::Corrupt(format!("`{key}` of the head is no number"))),
    }
}

fn wrong_format(found: u32) -> VectorError {
    VectorError::Format {
        folder: PathBuf::new(),
        found,
        expected: FORMAT,
    }
}

fn open_error(folder: &Path, error: DatabaseError) -> VectorError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => VectorError::InUse {
            folder: folder.to_owned(),
        },
        DatabaseError::Storage(StorageError::Corrupted(what)) => VectorError::Corrupt {
            folder: folder.to_owned(),
            what,
        },
        other => cannot_open(folder, &other),
    }
}

fn cannot_open(folder: &Path, why: &dyn fmt::Display) -> VectorError {
    VectorError::Open {
        folder: folder.to_owned(),
        why: why.to_string(),
    }
}

impl Fault {
    fn at(self, folder: &Path, limit: usize) -> VectorError {
        let folder = folder.to_owned();
        match self {
            Self::Corrupt(what) => VectorError::Corrupt { folder, what },
            Self::Storage(why) => VectorError::Storage { folder, why },
            Self::Full => VectorError::Full { folder, limit },
            Self::Refused(VectorError::Format {
                found, expected, ..
            }) => VectorError::Format {
                folder,
                found,
                expected,
            },
            Self::Refused(error) => error,
        }
    }
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Corrupted(what) => Self::Corrupt(what),
            other => Self::Storage(other.to_string()),
        }
    }
}
