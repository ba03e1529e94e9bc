//! Weights that need not be packed: they were before, and lie in a file.
//!
//! A model packs its tensors in one order, so what was packed is a list, and is asked for in its
//! order. Who keeps the file is not known here (`model::packed`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::Mmap;
use parking_lot::Mutex;

use super::matmul::{Line, TensorBytes};
use super::pages::Frozen;
use super::{Format, KernelError, Kernels};

/// What a segment of a packed matrix was packed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentKey {
    pub(crate) format: Format,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl SegmentKey {
    pub(super) fn of(part: &TensorBytes<'_>) -> Self {
        Self {
            format: part.format,
            rows: part.rows,
            cols: part.cols,
        }
    }
}

/// Where a packed segment lies in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedSegment {
    pub(crate) key: SegmentKey,
    /// Byte at which it begins: a multiple of 64.
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

/// What comes instead of packing, or is noted beside it.
#[derive(Debug, Default)]
pub(super) struct Ready(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    /// Segments are packed, and forgotten here.
    #[default]
    Nothing,
    /// Segments are packed, and kept to be written.
    Note(Vec<(SegmentKey, Frozen<Line>)>),
    /// Segments are taken from a file; so many were.
    File {
        file: Arc<Mmap>,
        segments: Vec<PackedSegment>,
        taken: usize,
    },
}

impl Ready {
    /// The next segment, which must be of `key` and have so many lines; `None` where it is to be
    /// packed.
    pub(super) fn take(
        &self,
        key: SegmentKey,
        lines: usize,
    ) -> Result<Option<Frozen<Line>>, KernelError> {
        let State::File {
            file,
            segments,
            taken,
        } = &mut *self.0.lock()
        else {
            return Ok(None);
        };
        let index = *taken;
        *taken += 1;
        let fits = |segment: &&PackedSegment| {
            segment.key == key && lines.checked_mul(size_of::<Line>()) == Some(segment.bytes)
        };
        let segment = segments.get(index).filter(fits);
        let data = segment.and_then(|segment| Frozen::of_file(file, segment.start, lines));
        match data {
            Some(data) => Ok(Some(data)),
            None => Err(KernelError::NotPacked {
                index,
                wanted: format!("{} of {} x {}", key.format.name(), key.rows, key.cols),
            }),
        }
    }

    pub(super) fn note(&self, key: SegmentKey, data: &Frozen<Line>) {
        if let State::Note(noted) = &mut *self.0.lock() {
            noted.push((key, data.clone()));
        }
    }
}

impl Kernels {
    /// From now on matrices are not packed but taken from `file`, in the order of `segments`.
    pub(crate) fn take_packed(&self, file: Mmap, segments: Vec<PackedSegment>) {
        *self.ready.0.lock() = State::File {
            file: Arc::new(file),
            segments,
            taken: 0,
        };
    }

    /// From now on what is packed is kept for [`packed`](Self::packed).
    pub(crate) fn note_packed(&self) {
        *self.ready.0.lock() = State::Note(Vec::new());
    }

    /// Shows what was packed since [`note_packed`](Self::note_packed), in order, and keeps no more.
    pub(crate) fn packed<R>(&self, show: impl FnOnce(&[(SegmentKey, &[u8])]) -> R) -> R {
        let state = std::mem::take(&mut *self.ready.0.lock());
        let noted = match state {
            State::Note(noted) => noted,
            State::Nothing | State::File { .. } => Vec::new(),
        };
        show(&noted.iter().map(bytes_of).collect::<Vec<_>>())
    }

    /// Whether `sound` holds for each of `0..count`, asked on all threads.
    pub(crate) fn all(&self, count: usize, sound: impl Fn(usize) -> bool + Sync) -> bool {
        let bad = AtomicBool::new(false);
        self.for_each(count, &|index| {
            if !sound(index) {
                bad.store(true, Ordering::Relaxed);
            }
        });
        !bad.into_inner()
    }
}

fn bytes_of((key, data): &(SegmentKey, Frozen<Line>)) -> (SegmentKey, &[u8]) {
    (*key, bytemuck::cast_slice(data))
}
