//! One layer's keys and values.

#![expect(unsafe_code, reason = "heads are written by several threads")]

use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::pages::Pages;
use crate::kernels::simd::{Kernel, LANES, Simd};
use crate::{BLOCK_SIZE, BlockId};

/// Keys and values of one layer, in blocks, as f16.
#[derive(Debug)]
pub struct KvLayer {
    num_blocks: usize,
    kv_heads: usize,
    head_dim: usize,
    window: usize,
    /// `[block][kv_head][head_dim][BLOCK_SIZE]`
    keys: Pages<u16>,
    /// `[block][kv_head][BLOCK_SIZE][head_dim]`
    values: Pages<u16>,
}

/// Where one position's key and value are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvSlot {
    /// The block.
    pub block: BlockId,
    /// The position within it, below [`BLOCK_SIZE`].
    pub offset: usize,
}

impl KvLayer {
    /// Empty blocks. The system gives their memory as they are first written.
    ///
    /// # Panics
    /// When `head_dim` is not a multiple of 16.
    pub fn new(num_blocks: usize, kv_heads: usize, head_dim: usize) -> Self {
        assert!(
            head_dim.is_multiple_of(LANES),
            "a head of {head_dim} values is not whole vectors"
        );
        let len = num_blocks * kv_heads * head_dim * BLOCK_SIZE;
        Self {
            num_blocks,
            kv_heads,
            head_dim,
            window: usize::MAX,
            keys: Pages::zeroed(len),
            values: Pages::zeroed(len),
        }
    }

    /// Lets a query at position p see positions `p + 1 - window` to p only (Beltagy et al., 2020);
    /// without this it sees all up to its own.
    ///
    /// # Panics
    /// When `window` is 0: a query sees itself at least.
    #[must_use]
    pub fn with_window(mut self, window: usize) -> Self {
        assert!(window > 0, "a window of no positions");
        self.window = window;
        self
    }

    /// Positions that a query sees at most, its own among them.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Blocks.
    pub fn num_blocks(&self) -> usize {
        self.num_blocks
    }

    /// Heads that have keys and values.
    pub fn kv_heads(&self) -> usize {
        self.kv_heads
    }

    /// Values in a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Memory of all blocks.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.keys) + size_of_val(&*self.values)
    }

    /// Memory of one block of such a layer.
    pub fn bytes_per_block(kv_heads: usize, head_dim: usize) -> usize {
        2 * size_of::<u16>() * kv_heads * head_dim * BLOCK_SIZE
    }

    /// Keys of a block and head: for each dimension, 16 positions.
    #[inline(always)]
    pub(super) fn keys(&self, block: BlockId, head: usize) -> &[[u16; BLOCK_SIZE]] {
        self.keys[self.start(block, head)..][..self.head_dim * BLOCK_SIZE]
            .as_chunks()
            .0
    }

    /// Values of a block and head: for each position, `head_dim` dimensions.
    #[inline(always)]
    pub(super) fn values(&self, block: BlockId, head: usize) -> &[u16] {
        &self.values[self.start(block, head)..][..self.head_dim * BLOCK_SIZE]
    }

    #[inline(always)]
    fn start(&self, block: BlockId, head: usize) -> usize {
        (block.0 as usize * self.kv_heads + head) * self.head_dim * BLOCK_SIZE
    }
}

impl KvLayer {
    /// Bytes of one block's keys and values, as [`read_block`](Self::read_block) gives them.
    pub fn block_bytes(&self) -> usize {
        2 * 2 * self.kv_heads * self.head_dim * BLOCK_SIZE
    }

    /// Copies a block out: keys, then values, in this machine's byte order.
    ///
    /// # Panics
    /// When there is no such block, or `to` has not [`block_bytes`](Self::block_bytes) bytes.
    pub fn read_block(&self, block: BlockId, to: &mut [u8]) {
        let (keys, values) = to.split_at_mut(self.block_bytes() / 2);
        let range = self.block_range(block);
        keys.copy_from_slice(bytemuck::cast_slice(&self.keys[range.clone()]));
        values.copy_from_slice(bytemuck::cast_slice(&self.values[range]));
    }

    /// Puts back what [`read_block`](Self::read_block) gave.
    ///
    /// # Panics
    /// As there.
    pub fn write_block(&mut self, block: BlockId, from: &[u8]) {
        let (keys, values) = from.split_at(self.block_bytes() / 2);
        let range = self.block_range(block);
        bytemuck::cast_slice_mut(&mut self.keys[range.clone()]).copy_from_slice(keys);
        bytemuck::cast_slice_mut(&mut self.values[range]).copy_from_slice(values);
    }

    fn block_range(&self, block: BlockId) -> std::ops::Range<usize> {
        let start = self.start(block, 0);
        start..start + self.kv_heads * self.head_dim * BLOCK_SIZE
    }
}

impl Kernels {
    /// Stores row i of `k` and of `v` (each `kv_heads * head_dim` values) at `slots[i]`, rounded to
    /// f16. Magnitudes beyond its range become its largest, 65504.
    ///
    /// # Panics
    /// When the rows are not one a slot, or a slot lies outside the cache.
    pub fn write_kv(&self, cache: &mut KvLayer, k: &[f32], v: &[f32], slots: &[KvSlot]) {
        let KvLayer {
            num_blocks,
            kv_heads,
            head_dim,
            ..
        } = *cache;
        assert_eq!(
            k.len(),
            slots.len() * kv_heads * head_dim,
            "keys for {} slots",
            slots.len()
        );
        assert_eq!(v.len(), k.len(), "values for {} slots", slots.len());
        for slot in slots {
            let inside = (slot.block.0 as usize) < num_blocks && slot.offset < BLOCK_SIZE;
            assert!(inside, "{slot:?} of {num_blocks} blocks");
        }
        let keys = Disjoint::new(&mut cache.keys);
        let values = Disjoint::new(&mut cache.values);
        let least = (SERIAL_VALUES / (slots.len() * head_dim).max(1)).max(1);
        self.run_items(kv_heads, least, |start, len| WriteHeads {
            heads: start..start + len,
            kv_heads,
            head_dim,
            rows: Rows { k, v, slots },
            keys: &keys,
            values: &values,
        });
    }
}

/// Values below which storing is not worth another thread.
const SERIAL_VALUES: usize = 4 * 1024;

/// What is stored where.
#[derive(Clone, Copy)]
struct Rows<'a> {
    k: &'a [f32],
    v: &'a [f32],
    slots: &'a [KvSlot],
}

struct WriteHeads<'a> {
    heads: std::ops::Range<usize>,
    kv_heads: usize,
    head_dim: usize,
    rows: Rows<'a>,
    keys: &'a Disjoint<'a, u16>,
    values: &'a Disjoint<'a, u16>,
}

impl Kernel for WriteHeads<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let block_len = self.head_dim * BLOCK_SIZE;
        for (row, slot) in self.rows.slots.iter().enumerate() {
            for head in self.heads.clone() {
                let from = (row * self.kv_heads + head) * self.head_dim;
                let block = (slot.block.0 as usize * self.kv_heads + head) * block_len;
                // SAFETY: each head is in one chunk, and its blocks are its own.
                let keys = unsafe { self.keys.part(block, block_len) };
                // SAFETY: as above.
                let values = unsafe { self.values.part(block, block_len) };
                let k = &self.rows.k[from..from + self.head_dim];
                let v = &self.rows.v[from..from + self.head_dim];
                let (positions, _) = keys.as_chunks_mut::<{ BLOCK_SIZE * LANES }>();
                for (k, keys) in k.as_chunks::<LANES>().0.iter().zip(positions) {
                    let mut halves = [0; LANES];
                    store_bounded(s, k, &mut halves);
                    for (d, half) in halves.iter().enumerate() {
                        keys[d * BLOCK_SIZE + slot.offset] = *half;
                    }
                }
                let values = &mut values[slot.offset * self.head_dim..][..self.head_dim];
                let values = values.as_chunks_mut::<LANES>().0;
                for (v, values) in v.as_chunks::<LANES>().0.iter().zip(values) {
                    store_bounded(s, v, values);
                }
            }
        }
    }
}

/// Rounds to f16 within its range. NaN stays NaN: it comes second in `max` and `min`.
#[inline(always)]
fn store_bounded<S: Simd>(s: S, from: &[f32; LANES], to: &mut [u16; LANES]) {
    const LARGEST: f32 = 65_504.0;
    let v = s.load(from);
    s.store_f16(s.min(s.splat(LARGEST), s.max(s.splat(-LARGEST), v)), to);
}
