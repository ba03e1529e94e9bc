//! One pass over fused rows against its parts, one after the other.

use half::f16;

use super::*;
use crate::kernels::RopeStyle;
use crate::kernels::tests::{Random, isas, kernels};
use crate::{BLOCK_SIZE, BlockId};

const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 32;
const BLOCKS: u32 = 40;

/// Fused rows of a few sequences in blocks that lie anywhere.
struct Rows {
    qkv: Vec<f32>,
    positions: Vec<u32>,
    slots: Vec<KvSlot>,
    table: RopeTable,
}

impl Rows {
    fn new(random: &mut Random, lens: &[u32]) -> Self {
        let mut free: Vec<u32> = (0..BLOCKS).collect();
        let (mut positions, mut slots) = (Vec::new(), Vec::new());
        for len in lens {
            let mut block = BlockId(0);
            for position in 0..*len {
                let offset = position as usize % BLOCK_SIZE;
                if offset == 0 {
                    block = BlockId(free.swap_remove(random.below(free.len())));
                }
                positions.push(position);
                slots.push(KvSlot { block, offset });
            }
        }
        let width = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
        let inv_freq: Vec<f32> = (0..12).map(|i| 0.5f32.powi(i)).collect();
        Self {
            qkv: random.normals(positions.len() * width),
            table: RopeTable::new(&inv_freq, 1.0, RopeStyle::Halves, 300),
            positions,
            slots,
        }
    }

    /// The queries, and the bytes of the cache.
    fn pass(&self, kernels: &Kernels, norms: Option<HeadNorms<'_>>) -> (Vec<f32>, Vec<u8>) {
        let mut cache = KvLayer::new(BLOCKS as usize, KV_HEADS, HEAD_DIM);
        let mut q = vec![f32::NAN; self.positions.len() * HEADS * HEAD_DIM];
        let rows = HeadRows {
            heads: HEADS,
            positions: &self.positions,
            slots: &self.slots,
            table: &self.table,
            norms,
        };
        kernels.rope_and_store(&mut self.qkv.clone(), &rows, &mut cache, &mut q);
        (q, bytes(&cache))
    }

    /// The same by its formulas.
    fn expected(&self, norms: Option<HeadNorms<'_>>) -> (Vec<f32>, Vec<u8>) {
        let kernels = kernels(1, crate::Isa::Portable);
        let mut cache = KvLayer::new(BLOCKS as usize, KV_HEADS, HEAD_DIM);
        let (mut q, mut k, mut v) = (Vec::new(), Vec::new(), Vec::new());
        let rows = self.qkv.chunks_exact((HEADS + 2 * KV_HEADS) * HEAD_DIM);
        for (row, position) in rows.zip(&self.positions) {
            let (queries, rest) = row.split_at(HEADS * HEAD_DIM);
            let (keys, values) = rest.split_at(KV_HEADS * HEAD_DIM);
            let turned = |heads: &[f32], weight: Option<&[f32]>| {
                let mut heads = match weight {
                    None => heads.to_vec(),
                    Some(weight) => normed(heads, weight),
                };
                self.table.turn(&mut heads, HEAD_DIM, *position);
                heads
            };
            q.extend(turned(queries, norms.map(|norms| norms.query)));
            k.extend(turned(keys, norms.map(|norms| norms.key)));
            v.extend_from_slice(values);
        }
        kernels.write_kv(&mut cache, &k, &v, &self.slots);
        (q, bytes(&cache))
    }
}

fn near(found: f32, expected: f32, tolerance: f32) {
    let error = (found - expected).abs();
    assert!(
        error <= tolerance * expected.abs().max(1.0),
        "{found} for {expected}"
    );
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
fn normed(heads: &[f32], weight: &[f32]) -> Vec<f32> {
    let heads = heads.chunks_exact(HEAD_DIM).flat_map(|head| {
        let squares: f64 = head.iter().map(|x| f64::from(*x).powi(2)).sum();
        let factor = 1.0 / (squares / HEAD_DIM as f64 + 1e-6).sqrt();
        head.iter()
            .zip(weight)
            .map(move |(x, w)| (f64::from(*x) * factor * f64::from(*w)) as f32)
    });
    heads.collect()
}

fn bytes(cache: &KvLayer) -> Vec<u8> {
    let blocks = (0..BLOCKS).flat_map(|block| {
        let mut bytes = vec![0; cache.block_bytes()];
        cache.read_block(BlockId(block), &mut bytes);
        bytes
    });
    blocks.collect()
}

#[test]
fn one_pass_does_what_its_parts_do() {
    let random = &mut Random::new(51);
    for lens in [&[1][..], &[3, 1, 17], &[200, 1, 40]] {
        let rows = Rows::new(random, lens);
        let expected = rows.expected(None);
        for isa in isas() {
            for threads in 1..=3 {
                let found = rows.pass(&kernels(threads, isa), None);
                assert!(found == expected, "{lens:?}: {isa:?}, {threads} threads");
            }
        }
    }
}

#[test]
fn heads_are_normed_before_they_turn() {
    let random = &mut Random::new(52);
    let rows = Rows::new(random, &[180, 1, 30]);
    let (query, key) = (random.normals(HEAD_DIM), random.normals(HEAD_DIM));
    let norms = Some(HeadNorms {
        query: &query,
        key: &key,
        eps: 1e-6,
    });
    let (q, cache) = rows.expected(norms);
    let reference = rows.pass(&kernels(1, crate::Isa::Portable), norms);
    for (found, expected) in reference.0.iter().zip(&q) {
        near(*found, *expected, 1e-5);
    }
    let values = |bytes: &[u8]| -> Vec<f32> {
        let halves = bytes.chunks_exact(2);
        halves
            .map(|half| f16::from_le_bytes([half[0], half[1]]).to_f32())
            .collect()
    };
    for (found, expected) in values(&reference.1).iter().zip(values(&cache)) {
        near(*found, expected, 2e-3);
    }
    for isa in isas() {
        for threads in 1..=3 {
            let found = rows.pass(&kernels(threads, isa), norms);
            assert!(found == reference, "{isa:?}, {threads} threads");
        }
    }
}
