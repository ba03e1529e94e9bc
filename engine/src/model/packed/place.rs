//! Where a model's packed file lies; reading and writing it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use super::footer::{CHUNK, Footer, sum};
use crate::Isa;
use crate::kernels::{Kernels, PackedSegment, SegmentKey};
use crate::mapped::map_file;

/// Version of what the kernels make of a tensor. A change of it must change this.
const LAYOUT: &str = "packed weights, 1";

/// The file of one model, packed for one instruction set.
#[derive(Debug, Clone)]
pub(in crate::model) struct PackedPlace {
    path: PathBuf,
    identity: [u8; 32],
}

/// Why a file that is there is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Torn, cut, or of another version.
    Damaged,
    /// Not what its name says.
    Other,
}

impl PackedPlace {
    /// In `folder`, of the model that `model` names, whose (first) file or folder is `source`.
    pub(in crate::model) fn new(folder: &Path, source: &Path, model: [u8; 32], isa: Isa) -> Self {
        let machine = format!("{isa:?}, big-endian {}", cfg!(target_endian = "big"));
        let mut digest = Sha256::new();
        digest.update(LAYOUT);
        digest.update(env!("CARGO_PKG_VERSION"));
        digest.update(&machine);
        digest.update(model);
        let identity: [u8; 32] = digest.finalize().into();
        // What was packed of the same file before it changed begins alike, and goes.
        let mut digest = Sha256::new();
        digest.update(source.as_os_str().as_encoded_bytes());
        digest.update(&machine);
        let name = format!(
            "{}-{}.packed",
            hex(&digest.finalize()[..8]),
            hex(&identity[..16])
        );
        Self {
            path: folder.join(name),
            identity,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, proved; `None` when there is none.
    pub(super) fn open(
        &self,
        kernels: &Kernels,
    ) -> Result<Option<(Mmap, Vec<PackedSegment>)>, Unusable> {
        let Ok(file) = map_file(&self.path) else {
            return Ok(None);
        };
        #[cfg(target_os = "linux")]
        // A system or file system without huge pages for files refuses; small ones serve as well.
        file.advise(memmap2::Advice::HugePage).ok();
        let footer = Footer::decode(&file).ok_or(Unusable::Damaged)?;
        if footer.identity != self.identity {
            return Err(Unusable::Other);
        }
        let chunks: Vec<&[u8]> = file[..footer.data_bytes].chunks(CHUNK).collect();
        let sound = |index: usize| sum(chunks[index]) == footer.sums[index];
        if !kernels.all(chunks.len(), sound) {
            return Err(Unusable::Damaged);
        }
        Ok(Some((file, footer.segments)))
    }

    /// Writes the file, unless another process is just writing it. What was packed of the same model
    /// files before is removed.
    ///
    /// # Errors
    /// When it cannot be written; what was there before is there still.
    pub(super) fn save(&self, segments: &[(SegmentKey, &[u8])]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let partial = self.path.with_extension("part");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&partial)?;
        match file.try_lock() {
            Ok(()) => file.set_len(0)?,
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let written = write(&mut file, self.identity, segments)
            .and_then(|()| fs::rename(&partial, &self.path));
        if let Err(error) = written {
            fs::remove_file(&partial).ok();
            return Err(error);
        }
        self.remove_older(folder)
    }

    /// Removes the file: the next start packs anew.
    pub(super) fn remove(&self) {
        // One that stays is found unusable again.
        fs::remove_file(&self.path).ok();
    }

    fn remove_older(&self, folder: &Path) -> io::Result<()> {
        let name = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
        let own = name(&self.path).unwrap_or_default();
        let (source, _) = own.split_once('-').unwrap_or_default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let other = name(&path).filter(|other| *other != own);
            if other.is_some_and(|other| other.starts_with(source) && other.ends_with(".packed")) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn write(file: &mut File, identity: [u8; 32], packed: &[(SegmentKey, &[u8])]) -> io::Result<()> {
    let (mut segments, mut sums, mut start) = (Vec::new(), Vec::new(), 0);
    let mut chunk = Vec::with_capacity(CHUNK);
    for &(key, mut data) in packed {
        segments.push(PackedSegment {
            key,
            start,
            bytes: data.len(),
        });
        start += data.len();
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(CHUNK - chunk.len()));
            chunk.extend_from_slice(now);
            data = later;
            if chunk.len() == CHUNK {
                sums.push(sum(&chunk));
                file.write_all(&chunk)?;
                chunk.clear();
            }
        }
    }
    if !chunk.is_empty() {
        sums.push(sum(&chunk));
        file.write_all(&chunk)?;
    }
    let footer = Footer {
        identity,
        data_bytes: start,
        segments,
        sums,
    };
    file.write_all(&footer.encode())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
