//! What a download tells the one who waits for it.

/// One piece of news of a pull. It borrows; whoever keeps it copies what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullEvent<'a> {
    /// Another process is fetching the same model; this one waits for it.
    Waiting {
        /// The model.
        name: &'a str,
    },
    /// A source is tried.
    Source {
        /// The source, as the catalogue spells it.
        source: &'a str,
    },
    /// A file begins, or goes on after an interruption.
    File {
        /// The file, relative to the source; for a Python package the package.
        path: &'a str,
        /// Its size in bytes, when it is known.
        size: Option<u64>,
    },
    /// So many bytes of the file that began last are on disk.
    Bytes {
        /// Bytes since the file's beginning.
        done: u64,
    },
    /// The source cannot be used; the next one, if there is one, is tried.
    GaveUp {
        /// The source, as the catalogue spells it.
        source: &'a str,
        /// Why.
        why: &'a str,
    },
    /// The model is in the cache.
    Stored,
}
