//! Files mapped into memory: weights are read where they lie, by page, instead of being copied.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// Maps a file for reading. An empty file gives empty bytes.
///
/// # Errors
/// Whatever the system says: not found, no permission, not a file.
pub(crate) fn map_file(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    #[expect(
        unsafe_code,
        reason = "a mapping is how weights are read without a copy"
    )]
    // SAFETY: the bytes behind the mapping must not change while it lives. Model files are put in
    // place by a rename and never written afterwards; whoever cuts a file short under a running
    // server ends that server (SIGBUS), as with every program that maps its data.
    let map = unsafe { Mmap::map(&file) }?;
    Ok(map)
}
