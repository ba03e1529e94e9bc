//! A stretch of one head's keys and values as f32, and the queries beside it, in the order in which
//! the products read them.
//!
//! Converting costs less than it saves even for the few rows of a decode step: it reads memory in
//! one go, and the products that follow have two streams each instead of a pointer for each block.

use super::cache::KvLayer;
use super::plan::PIECE_ROWS;
use super::stored::Stored;
use super::stretch::{STRETCH, STRETCH_LEN};
use crate::kernels::simd::{LANES, Simd};
use crate::{BLOCK_SIZE, BlockId};

/// Dimensions that a tile holds.
pub(super) const TILE_DIMS: usize = 64;
/// Vectors of dimensions that a tile holds for one position.
pub(super) const TILE_VECTORS: usize = TILE_DIMS / LANES;

/// One dimension of the keys of a stretch.
pub(super) type Key = [[f32; LANES]; STRETCH];
/// Some dimensions of one position's value.
pub(super) type Value = [[f32; LANES]; TILE_VECTORS];

/// Some dimensions of the keys of a stretch, or of its values.
pub(super) struct Tile([[[f32; LANES]; STRETCH]; TILE_DIMS]);

const _: () = assert!(
    TILE_DIMS == STRETCH_LEN && STRETCH == TILE_VECTORS,
    "keys and values of a tile have one form"
);

impl Tile {
    pub(super) const EMPTY: Self = Self([[[0.0; LANES]; STRETCH]; TILE_DIMS]);

    /// Takes `dims` dimensions from `first` on of the keys of some blocks. What belongs to blocks that
    /// are not there is left as it was.
    #[inline(always)]
    pub(super) fn load_keys<S: Simd>(
        &mut self,
        s: S,
        (cache, head): (&KvLayer, usize),
        blocks: &[BlockId],
        (first, dims): (usize, usize),
    ) -> &[Key] {
        for (place, block) in blocks.iter().enumerate().take(STRETCH) {
            let tile = self.0[..dims].iter_mut();
            match cache.keys(*block, head) {
                Stored::F16(keys) => {
                    let keys = &keys.as_chunks().0[first..][..dims];
                    for (to, from) in tile.zip(keys) {
                        s.store(s.load_f16(from), &mut to[place]);
                    }
                }
                Stored::Int8 { scales, codes } => {
                    let scales = s.load(scales);
                    let codes = &codes.as_chunks().0[first..][..dims];
                    for (to, from) in tile.zip(codes) {
                        s.store(s.mul(s.load_i8(from), scales), &mut to[place]);
                    }
                }
            }
        }
        &self.0[..dims]
    }

    /// The same of values; for each position of the stretch as many vectors as a tile has.
    #[inline(always)]
    pub(super) fn load_values<S: Simd>(
        &mut self,
        s: S,
        (cache, head): (&KvLayer, usize),
        blocks: &[BlockId],
        (first, dims): (usize, usize),
    ) -> &[Value; STRETCH_LEN] {
        let head_dim = cache.head_dim();
        for (positions, block) in self.0.chunks_exact_mut(BLOCK_SIZE).zip(blocks) {
            let positions = positions.iter_mut();
            match cache.values(*block, head) {
                Stored::F16(values) => {
                    for (to, from) in positions.zip(values.chunks_exact(head_dim)) {
                        let (from, _) = from[first..][..dims].as_chunks();
                        for (to, from) in to.iter_mut().zip(from) {
                            s.store(s.load_f16(from), to);
                        }
                    }
                }
                Stored::Int8 { scales, codes } => {
                    let codes = codes.chunks_exact(head_dim).zip(scales);
                    for (to, (from, scale)) in positions.zip(codes) {
                        let scale = s.splat(*scale);
                        let (from, _) = from[first..][..dims].as_chunks();
                        for (to, from) in to.iter_mut().zip(from) {
                            s.store(s.mul(s.load_i8(from), scale), to);
                        }
                    }
                }
            }
        }
        &self.0
    }
}

/// The queries of a piece in bands of rows that are computed together: for each dimension the values
/// of the band's rows.
#[derive(Debug, Default)]
pub(super) struct Queries {
    head_dim: usize,
    bands: Vec<f32>,
}

/// Some consecutive rows of a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) row: usize,
    pub(super) len: usize,
}

impl Band {
    /// Bands of `rows` rows, of at most `most`: 6, 4, 3, 2 or 1 rows each.
    #[inline(always)]
    pub(super) fn all(rows: usize, most: usize) -> impl Iterator<Item = Self> {
        let mut row = 0;
        std::iter::from_fn(move || {
            let len = match (rows - row).min(most) {
                0 => return None,
                6.. => 6,
                4.. => 4,
                few => few,
            };
            let band = Self { row, len };
            row += len;
            Some(band)
        })
    }
}

impl Queries {
    /// Makes room for the rows of a piece.
    pub(super) fn reach(&mut self, head_dim: usize) {
        self.head_dim = head_dim;
        if self.bands.len() < PIECE_ROWS * head_dim {
            self.bands.resize(PIECE_ROWS * head_dim, 0.0);
        }
    }

    /// Lays out the query of each row, times `scale`, in place of those before.
    #[inline(always)]
    pub(super) fn lay<'q>(
        &mut self,
        bands: impl Iterator<Item = Band>,
        scale: f32,
        query: impl Fn(usize) -> &'q [f32],
    ) {
        let head_dim = self.head_dim;
        for band in bands {
            let out = &mut self.bands[band.row * head_dim..][..band.len * head_dim];
            for r in 0..band.len {
                for (to, from) in out[r..]
                    .iter_mut()
                    .step_by(band.len)
                    .zip(query(band.row + r))
                {
                    *to = *from * scale;
                }
            }
        }
    }

    /// A band's values for `dims` dimensions from `first` on; `R` is its length.
    #[inline(always)]
    pub(super) fn band<const R: usize>(
        &self,
        band: Band,
        first: usize,
        dims: usize,
    ) -> &[[f32; R]] {
        let values = &self.bands[band.row * self.head_dim..][..R * self.head_dim];
        &values.as_chunks().0[first..][..dims]
    }
}
