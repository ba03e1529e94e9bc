//! [`DiskTier`]: blocks as files, each whole or as good as absent.
//!
//! A file is written under another name and renamed when it is complete, so a crash leaves no half of
//! one under its own name. Its header names format, model and block, and a SHA-256 covers everything
//! that follows the magic: what was torn, cut, swapped or altered is not read.
//!
//! ```text
//!   magic 8 │ SHA-256 32 │ model 32 │ block 16 │ content
//!           └─ over ─────▶───────────────────────────────┘
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::kv_cache::BlockHash;

/// A folder of blocks of one model.
#[derive(Debug, Clone)]
pub(super) struct DiskTier {
    folder: PathBuf,
    /// Names the model and the layout of its blocks.
    model: [u8; 32],
    block_bytes: usize,
}

/// Format and version.
const MAGIC: &[u8; 8] = b"pstkKV\x01\n";
const HEADER: usize = 8 + 32 + 32 + 16;
const SUFFIX: &str = "kv";

impl DiskTier {
    /// Opens or makes the model's folder within `root`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn open(root: &Path, model: [u8; 32], block_bytes: usize) -> io::Result<Self> {
        let folder = root.join(hex(&model[..16]));
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            model,
            block_bytes,
        })
    }

    /// Bytes of a file.
    pub(super) fn file_bytes(block_bytes: usize) -> u64 {
        (HEADER + block_bytes) as u64
    }

    /// Names of the files that are there, the one written first in front. Leftovers of writes that
    /// did not end are removed, and so is what has another size.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn list(&self) -> io::Result<Vec<BlockHash>> {
        let mut found: Vec<(SystemTime, BlockHash)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if !meta.is_file() {
                continue;
            }
            let hash = entry.file_name().to_str().and_then(parse_name);
            match hash {
                Some(hash) if meta.len() == Self::file_bytes(self.block_bytes) => {
                    found.push((meta.modified()?, hash));
                }
                _ => fs::remove_file(entry.path())?,
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, hash)| hash).collect())
    }

    /// Writes a block.
    ///
    /// # Errors
    /// When it cannot be written; there is then no file of its name that was not there before.
    pub(super) fn write(&self, hash: BlockHash, content: &[u8]) -> io::Result<()> {
        let path = self.path(hash);
        let partial = path.with_extension("part");
        let mut file = File::create(&partial)?;
        file.write_all(MAGIC)?;
        file.write_all(&self.digest(hash, content))?;
        file.write_all(&self.model)?;
        file.write_all(&hash.bytes())?;
        file.write_all(content)?;
        drop(file);
        fs::rename(&partial, &path)
    }

    /// Reads a block; `None` when there is none, or none that is whole and of this model. A file that
    /// is not is removed.
    pub(super) fn read(&self, hash: BlockHash) -> Option<Vec<u8>> {
        let path = self.path(hash);
        let mut bytes = Vec::with_capacity(HEADER + self.block_bytes + 1);
        let most = Self::file_bytes(self.block_bytes) + 1;
        let read = File::open(&path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        read.ok()?;
        if self.is_whole(hash, &bytes) {
            bytes.drain(..HEADER);
            return Some(bytes);
        }
        tracing::warn!(file = %path.display(), "a cached KV block is damaged and is removed");
        self.delete(hash);
        None
    }

    /// Removes a block's file, if there is one.
    pub(super) fn delete(&self, hash: BlockHash) {
        // A file that stays is found and counted at the next start.
        fs::remove_file(self.path(hash)).ok();
    }

    fn is_whole(&self, hash: BlockHash, bytes: &[u8]) -> bool {
        let Some((header, content)) = bytes.split_at_checked(HEADER) else {
            return false;
        };
        content.len() == self.block_bytes
            && header[..8] == *MAGIC
            && header[8..40] == self.digest(hash, content)
            && header[40..72] == self.model
            && header[72..] == hash.bytes()
    }

    fn digest(&self, hash: BlockHash, content: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.model);
        digest.update(hash.bytes());
        digest.update(content);
        digest.finalize().into()
    }

    fn path(&self, hash: BlockHash) -> PathBuf {
        self.folder.join(hex(&hash.bytes())).with_extension(SUFFIX)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_name(name: &str) -> Option<BlockHash> {
    let digits = name.strip_suffix(SUFFIX)?.strip_suffix('.')?;
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = u128::from_str_radix(digits, 16).ok()?;
    Some(BlockHash::from_bytes(value.to_be_bytes()))
}
