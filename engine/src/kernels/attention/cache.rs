//! One layer's keys and values.

use super::stored::{self, Stored};
use crate::BlockId;
use crate::config::KvCacheDtype;
use crate::kernels::records::{DisjointRecords, Records};
use crate::kernels::simd::LANES;

/// Keys and values of one layer, in blocks.
#[derive(Debug)]
pub struct KvLayer {
    shape: KvShape,
    num_blocks: usize,
    window: usize,
    /// For each block `[kv_head][keys, values]`; `stored` says what a head's keys and values are.
    blocks: Records,
}

/// Where one position's key and value are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvSlot {
    /// The block.
    pub block: BlockId,
    /// The position within it, below [`BLOCK_SIZE`](crate::BLOCK_SIZE).
    pub offset: usize,
}

/// What the keys and values of a layer are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvShape {
    /// Heads that have keys and values.
    pub kv_heads: usize,
    /// Values in a head: a multiple of 16.
    pub head_dim: usize,
    /// How they are stored.
    pub dtype: KvCacheDtype,
}

impl KvShape {
    /// Memory of one block's keys and values in one layer.
    pub fn block_bytes(self) -> usize {
        2 * self.kv_heads * self.half_bytes()
    }

    /// Bytes of one head's keys in a block; its values take as many.
    #[inline(always)]
    fn half_bytes(self) -> usize {
        stored::bytes(self.dtype, self.head_dim)
    }
}

impl KvLayer {
    /// Empty blocks, as f16, of one layer. The system gives their memory as they are first written.
    ///
    /// # Panics
    /// When `head_dim` is not a multiple of 16.
    pub fn new(num_blocks: usize, kv_heads: usize, head_dim: usize) -> Self {
        let shape = KvShape {
            kv_heads,
            head_dim,
            dtype: KvCacheDtype::F16,
        };
        let mut layers = Self::layers(1, num_blocks, shape);
        layers.swap_remove(0)
    }

    /// Empty blocks of several layers. What the layers hold of one block lies together, so that a few
    /// blocks in use take little memory.
    ///
    /// # Panics
    /// When `head_dim` is not a multiple of 16.
    pub fn layers(layers: usize, num_blocks: usize, shape: KvShape) -> Vec<Self> {
        let head_dim = shape.head_dim;
        assert!(
            head_dim.is_multiple_of(LANES),
            "a head of {head_dim} values is not whole vectors"
        );
        let records = Records::side_by_side(layers, num_blocks, shape.block_bytes());
        let layer = |blocks| Self {
            shape,
            num_blocks,
            window: usize::MAX,
            blocks,
        };
        records.into_iter().map(layer).collect()
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
        self.shape.kv_heads
    }

    /// Values in a head.
    pub fn head_dim(&self) -> usize {
        self.shape.head_dim
    }

    /// How keys and values are stored.
    pub fn dtype(&self) -> KvCacheDtype {
        self.shape.dtype
    }

    /// Memory of all blocks.
    pub fn bytes(&self) -> usize {
        self.blocks.bytes()
    }

    /// Keys of a block and head: for each dimension, 16 positions.
    #[inline(always)]
    pub(super) fn keys(&self, block: BlockId, head: usize) -> Stored<'_> {
        self.half(block, 2 * head)
    }

    /// Values of a block and head: for each position, `head_dim` dimensions.
    #[inline(always)]
    pub(super) fn values(&self, block: BlockId, head: usize) -> Stored<'_> {
        self.half(block, 2 * head + 1)
    }

    /// The bytes of [`keys`](Self::keys).
    #[inline(always)]
    pub(super) fn key_bytes(&self, block: BlockId, head: usize) -> &[u8] {
        self.half_bytes(block, 2 * head)
    }

    /// The bytes of [`values`](Self::values).
    #[inline(always)]
    pub(super) fn value_bytes(&self, block: BlockId, head: usize) -> &[u8] {
        self.half_bytes(block, 2 * head + 1)
    }

    #[inline(always)]
    fn half(&self, block: BlockId, index: usize) -> Stored<'_> {
        Stored::of(self.shape.dtype, self.half_bytes(block, index))
    }

    #[inline(always)]
    fn half_bytes(&self, block: BlockId, index: usize) -> &[u8] {
        let len = self.shape.half_bytes();
        &self.blocks.get(block.0 as usize)[index * len..][..len]
    }

    /// For threads that write heads of their own.
    pub(super) fn heads_mut(&mut self) -> HeadsMut<'_> {
        HeadsMut {
            shape: self.shape,
            blocks: self.blocks.disjoint(),
        }
    }
}

impl KvLayer {
    /// Bytes of one block's keys and values, as [`read_block`](Self::read_block) gives them.
    pub fn block_bytes(&self) -> usize {
        self.blocks.len()
    }

    /// Copies a block out, as it is stored, in this machine's byte order.
    ///
    /// # Panics
    /// When there is no such block, or `to` has not [`block_bytes`](Self::block_bytes) bytes.
    pub fn read_block(&self, block: BlockId, to: &mut [u8]) {
        to.copy_from_slice(self.blocks.get(block.0 as usize));
    }

    /// Puts back what [`read_block`](Self::read_block) gave.
    ///
    /// # Panics
    /// As there.
    pub fn write_block(&mut self, block: BlockId, from: &[u8]) {
        self.blocks.get_mut(block.0 as usize).copy_from_slice(from);
    }
}

/// The heads of all blocks, written by several threads.
#[derive(Debug)]
pub(super) struct HeadsMut<'a> {
    shape: KvShape,
    blocks: DisjointRecords<'a>,
}

impl<'a> HeadsMut<'a> {
    pub(super) fn shape(&self) -> KvShape {
        self.shape
    }

    /// The keys and the values of a block and head, as bytes.
    ///
    /// # Safety
    /// What was got of a block and head before must not be alive any more.
    #[inline(always)]
    #[expect(unsafe_code, reason = "heads are written by several threads")]
    pub(super) unsafe fn head(&self, block: BlockId, head: usize) -> [&'a mut [u8]; 2] {
        let len = self.shape.half_bytes();
        // SAFETY: heads have bytes of their own, and the caller has each once.
        let both = unsafe { self.blocks.part(block.0 as usize, 2 * head * len, 2 * len) };
        let (keys, values) = both.split_at_mut(len);
        [keys, values]
    }
}
