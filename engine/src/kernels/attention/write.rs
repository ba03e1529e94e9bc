//! Storing keys and values.

#![expect(unsafe_code, reason = "heads are written by several threads")]

use super::cache::{HeadsMut, KvLayer, KvShape, KvSlot};
use super::stored::store;
use crate::BLOCK_SIZE;
use crate::kernels::Kernels;
use crate::kernels::simd::{Kernel, Simd};

impl Kernels {
    /// Stores row i of `k` and of `v` (each `kv_heads * head_dim` values) at `slots[i]`, rounded as
    /// the cache's type says. Magnitudes beyond the range of f16 become its largest, 65504.
    ///
    /// # Panics
    /// When the rows are not one a slot, or a slot lies outside the cache.
    pub fn write_kv(&self, cache: &mut KvLayer, k: &[f32], v: &[f32], slots: &[KvSlot]) {
        let (kv_heads, head_dim) = (cache.kv_heads(), cache.head_dim());
        assert_eq!(
            k.len(),
            slots.len() * kv_heads * head_dim,
            "keys for {} slots",
            slots.len()
        );
        assert_eq!(v.len(), k.len(), "values for {} slots", slots.len());
        prove(cache, slots);
        let to = &cache.heads_mut();
        let least = (SERIAL_VALUES / (slots.len() * head_dim).max(1)).max(1);
        self.run_items(kv_heads, least, |start, len| WriteHeads {
            heads: start..start + len,
            rows: Rows { k, v, slots },
            to,
        });
    }
}

/// # Panics
/// When a slot lies outside the cache.
pub(super) fn prove(cache: &KvLayer, slots: &[KvSlot]) {
    let num_blocks = cache.num_blocks();
    for slot in slots {
        let inside = (slot.block.0 as usize) < num_blocks && slot.offset < BLOCK_SIZE;
        assert!(inside, "{slot:?} of {num_blocks} blocks");
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
    rows: Rows<'a>,
    to: &'a HeadsMut<'a>,
}

impl Kernel for WriteHeads<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let KvShape {
            kv_heads,
            head_dim,
            dtype,
        } = self.to.shape();
        for (row, slot) in self.rows.slots.iter().enumerate() {
            for head in self.heads.clone() {
                let from = (row * kv_heads + head) * head_dim;
                let k = &self.rows.k[from..from + head_dim];
                let v = &self.rows.v[from..from + head_dim];
                // SAFETY: each head is in one chunk, and what was got for the row before is gone.
                let to = unsafe { self.to.head(slot.block, head) };
                store(s, dtype, [k, v], slot.offset, to);
            }
        }
    }
}
