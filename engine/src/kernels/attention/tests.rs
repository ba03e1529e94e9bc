//! Attention against a naive softmax in f64, and bit-equality whatever the batch (E9).

#![expect(clippy::float_cmp, reason = "sums of zeros are exact")]

mod plans;
mod stored;

use half::f16;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::section::SECTION;
use super::*;
use crate::kernels::Kernels;
use crate::kernels::tests::{Random, isas, kernels};
use crate::{BLOCK_SIZE, BlockId, KvCacheDtype};

/// What keys and values may be stored as.
const DTYPES: [KvCacheDtype; 2] = [KvCacheDtype::F16, KvCacheDtype::Int8];

/// A sequence with its own keys, values and queries, one row a position.
struct Sequence {
    k: Vec<f32>,
    v: Vec<f32>,
    q: Vec<f32>,
    len: usize,
    blocks: Vec<BlockId>,
}

/// What a layer is like.
#[derive(Debug, Clone, Copy)]
struct Layer {
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    window: usize,
    dtype: KvCacheDtype,
}

impl Layer {
    fn new(heads: usize, kv_heads: usize) -> Self {
        Self {
            heads,
            kv_heads,
            head_dim: 64,
            window: usize::MAX,
            dtype: KvCacheDtype::F16,
        }
    }

    fn attention(self) -> AttentionShape {
        AttentionShape {
            heads: self.heads,
            kv_heads: self.kv_heads,
            window: self.window,
        }
    }

    fn shape(self) -> KvShape {
        KvShape {
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            dtype: self.dtype,
        }
    }
}

/// Sequences of some lengths in one cache, their blocks shuffled.
struct Fixture {
    layer: Layer,
    num_blocks: usize,
    sequences: Vec<Sequence>,
}

impl Fixture {
    fn new(seed: u64, layer: Layer, lengths: &[usize]) -> Self {
        let (q_width, kv_width) = (
            layer.heads * layer.head_dim,
            layer.kv_heads * layer.head_dim,
        );
        let random = &mut Random::new(seed);
        let blocks: usize = lengths.iter().map(|len| len.div_ceil(BLOCK_SIZE)).sum();
        let mut free: Vec<BlockId> = (0..).take(blocks + 3).map(BlockId).collect();
        let sequences = lengths.iter().map(|&len| Sequence {
            k: random.normals(len * kv_width),
            v: random.normals(len * kv_width),
            q: random.normals(len * q_width),
            len,
            blocks: (0..len.div_ceil(BLOCK_SIZE))
                .map(|_| free.swap_remove(random.below(free.len())))
                .collect(),
        });
        let sequences = sequences.collect();
        Self {
            layer,
            num_blocks: blocks + 3,
            sequences,
        }
    }

    /// The same, but each sequence has the first `shared` positions, down to a block, of the first
    /// one, in the same blocks.
    fn sharing(seed: u64, layer: Layer, lengths: &[usize], shared: usize) -> Self {
        let mut fixture = Self::new(seed, layer, lengths);
        let width = layer.kv_heads * layer.head_dim;
        if let Some((first, rest)) = fixture.sequences.split_first_mut() {
            for sequence in rest {
                let blocks = shared.min(first.len).min(sequence.len) / BLOCK_SIZE;
                let values = blocks * BLOCK_SIZE * width;
                sequence.blocks[..blocks].copy_from_slice(&first.blocks[..blocks]);
                sequence.k[..values].copy_from_slice(&first.k[..values]);
                sequence.v[..values].copy_from_slice(&first.v[..values]);
            }
        }
        fixture
    }

    /// A cache whose unwritten places hold what would spoil every sum.
    fn cache(&self, kernels: &Kernels) -> KvLayer {
        let cache = KvLayer::layers(1, self.num_blocks, self.layer.shape()).remove(0);
        let mut cache = cache.with_window(self.layer.window);
        let width = self.layer.kv_heads * self.layer.head_dim;
        let all: Vec<KvSlot> = (0..self.num_blocks * BLOCK_SIZE)
            .map(|i| KvSlot {
                block: BlockId(u32::try_from(i / BLOCK_SIZE).unwrap()),
                offset: i % BLOCK_SIZE,
            })
            .collect();
        let spoilt = vec![f32::NAN; all.len() * width];
        kernels.write_kv(&mut cache, &spoilt, &spoilt, &all);
        for sequence in &self.sequences {
            let slots: Vec<KvSlot> = (0..sequence.len).map(|i| sequence.slot(i)).collect();
            kernels.write_kv(&mut cache, &sequence.k, &sequence.v, &slots);
        }
        cache
    }

    /// Attention of some stretches of sequences in one call.
    fn attend(&self, kernels: &Kernels, stretches: &[(usize, usize, usize)]) -> Vec<Vec<u32>> {
        let cache = self.cache(kernels);
        let width = self.width();
        let (mut q, mut spans) = (Vec::new(), Vec::new());
        for &(sequence, start, len) in stretches {
            let sequence = &self.sequences[sequence];
            spans.push(AttentionSpan {
                q_start: q.len() / width,
                q_len: len,
                context_start: start,
                block_table: &sequence.blocks,
            });
            q.extend_from_slice(&sequence.q[start * width..(start + len) * width]);
        }
        let mut out = vec![f32::NAN; q.len()];
        let mut plan = AttentionPlan::default();
        plan.set(kernels, self.layer.attention(), spans.iter().copied());
        kernels.attention(&plan, &cache, &q, 0.125, &mut out);
        let rows = |span: &AttentionSpan<'_>| {
            let rows = span.q_start * width..(span.q_start + span.q_len) * width;
            out[rows].iter().map(|x| x.to_bits()).collect()
        };
        spans.iter().map(rows).collect()
    }

    /// Values of a row.
    fn width(&self) -> usize {
        self.layer.heads * self.layer.head_dim
    }

    fn whole(&self, kernels: &Kernels, sequence: usize) -> Vec<u32> {
        let len = self.sequences[sequence].len;
        self.attend(kernels, &[(sequence, 0, len)]).remove(0)
    }
}

impl Sequence {
    fn slot(&self, position: usize) -> KvSlot {
        KvSlot {
            block: self.blocks[position / BLOCK_SIZE],
            offset: position % BLOCK_SIZE,
        }
    }

    /// Softmax of all scores of one query row, with keys and values as the cache rounds them.
    fn naive(&self, fixture: &Fixture, query: usize, head: usize) -> Vec<f64> {
        let Layer {
            heads,
            kv_heads,
            head_dim,
            window,
            dtype,
        } = fixture.layer;
        let kv_head = head / (heads / kv_heads);
        let at = |values: &[f32], heads: usize, row: usize, head: usize, d: usize| {
            values[(row * heads + head) * head_dim + d]
        };
        let stored = |values: &[f32], row: usize, d: usize| {
            let number = at(values, kv_heads, row, kv_head, d);
            match dtype {
                KvCacheDtype::F16 => f16::from_f32(number).to_f64(),
                KvCacheDtype::Int8 => {
                    let all = (0..head_dim).map(|d| at(values, kv_heads, row, kv_head, d).abs());
                    let largest = all.fold(0.0, f32::max);
                    let code = (number * (127.0 / largest)).round_ties_even();
                    f64::from(code) * f64::from(largest / 127.0)
                }
            }
        };
        let first = (query + 1).saturating_sub(window);
        let scores: Vec<f64> = (first..=query)
            .map(|row| {
                let q = |d| f64::from(at(&self.q, heads, query, head, d));
                (0..head_dim)
                    .map(|d| q(d) * stored(&self.k, row, d))
                    .sum::<f64>()
                    * 0.125
            })
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let mix = |d| {
            let terms = weights.iter().enumerate();
            terms
                .map(|(index, weight)| weight * stored(&self.v, first + index, d))
                .sum::<f64>()
                / sum
        };
        (0..head_dim).map(mix).collect()
    }
}

fn assert_softmax(fixture: &Fixture) {
    assert_softmax_of(fixture, |_| true);
}

/// Of the queries at some positions.
fn assert_softmax_of(fixture: &Fixture, queries: impl Fn(usize) -> bool) {
    let Layer {
        heads, head_dim, ..
    } = fixture.layer;
    for isa in isas() {
        let kernels = kernels(2, isa);
        for (index, sequence) in fixture.sequences.iter().enumerate() {
            let out = fixture.whole(&kernels, index);
            for (row, out) in out.chunks_exact(head_dim).enumerate() {
                if !queries(row / heads) {
                    continue;
                }
                let naive = sequence.naive(fixture, row / heads, row % heads);
                for (ours, exact) in out.iter().zip(naive) {
                    let ours = f64::from(f32::from_bits(*ours));
                    // Scores reach some hundreds, so f32 leaves them 1e-4 uncertain.
                    let error = (ours - exact).abs() / exact.abs().max(1.0);
                    assert!(error < 1e-4, "{isa:?} {row}: {ours} for {exact}");
                }
            }
        }
    }
}

#[test]
fn attention_is_softmax() {
    for dtype in DTYPES {
        for (heads, kv_heads) in [(9, 3), (4, 4), (8, 1), (14, 2), (40, 1)] {
            let layer = Layer {
                dtype,
                ..Layer::new(heads, kv_heads)
            };
            assert_softmax(&Fixture::new(41, layer, &[1, 16, 53]));
        }
    }
}

#[test]
fn attention_within_a_window_is_softmax_of_the_window() {
    // Windows within a block, of a stretch, across stretches, and wider than the context.
    for window in [1, 7, 16, 63, 64, 65, 130, 1000] {
        let layer = Layer {
            window,
            ..Layer::new(4, 2)
        };
        assert_softmax(&Fixture::new(42, layer, &[1, 64, 65, 230]));
    }
    for dtype in DTYPES {
        let gemma = Layer {
            head_dim: 256,
            window: 70,
            dtype,
            ..Layer::new(4, 1)
        };
        assert_softmax(&Fixture::new(43, gemma, &[150]));
    }
}

#[test]
fn sections_are_merged_to_the_softmax_of_all() {
    let near = |query: usize| (query + 3) % SECTION < 6;
    assert_softmax_of(
        &Fixture::new(44, Layer::new(3, 1), &[513, 2 * SECTION + 2]),
        near,
    );
    // Windows that begin in the section of the query and in those before.
    for window in [5, SECTION, SECTION + 1] {
        let layer = Layer {
            window,
            ..Layer::new(2, 1)
        };
        assert_softmax_of(&Fixture::new(45, layer, &[2 * SECTION + 40]), near);
    }
}

#[test]
fn chunks_batches_threads_and_instructions_change_no_bit() {
    let cases = (
        1..4usize,
        1..5usize,
        prop::collection::vec(1..90usize, 1..5),
        prop_oneof![Just(usize::MAX), 1..100usize],
        prop::sample::select(DTYPES.to_vec()),
        any::<u64>(),
    );
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let reference = kernels(1, crate::Isa::Portable);
    let machines: Vec<Kernels> = isas()
        .into_iter()
        .flat_map(|isa| (1..=3).map(move |n| kernels(n, isa)))
        .collect();
    TestRunner::new(config)
        .run(&cases, |(kv_heads, group, lengths, window, dtype, seed)| {
            let layer = Layer {
                window,
                dtype,
                ..Layer::new(kv_heads * group, kv_heads)
            };
            let fixture = Fixture::new(seed, layer, &lengths);
            let width = fixture.width();
            let alone: Vec<Vec<u32>> = (0..lengths.len())
                .map(|index| fixture.whole(&reference, index))
                .collect();
            let random = &mut Random::new(seed);
            for kernels in &machines {
                // One stretch of each sequence, anywhere in it, all in one call.
                let stretches: Vec<_> = (0..lengths.len())
                    .map(|index| {
                        let start = random.below(lengths[index]);
                        (index, start, 1 + random.below(lengths[index] - start))
                    })
                    .collect();
                let outs = fixture.attend(kernels, &stretches);
                for ((index, start, len), out) in stretches.into_iter().zip(outs) {
                    let whole = &alone[index][start * width..(start + len) * width];
                    prop_assert!(out == whole, "{index}: {start}+{len} of {kernels:?}");
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn sections_and_shared_prefixes_change_no_bit() {
    // Lengths and shared parts around the ends of stretches and sections.
    let length = prop_oneof![1..200usize, SECTION - 3..SECTION + 70, 1000..1100usize];
    let cases = (
        prop_oneof![Just((1, 1)), Just((2, 1)), Just((1, 3)), Just((1, 4))],
        prop::collection::vec(length, 2..6),
        prop_oneof![
            Just(0),
            Just(64),
            40..300usize,
            Just(SECTION),
            500..1000usize
        ],
        prop_oneof![Just(usize::MAX), 1..100usize, 400..700usize],
        any::<u64>(),
    );
    let config = Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    };
    let reference = kernels(1, crate::Isa::Portable);
    let machines: Vec<Kernels> = isas()
        .into_iter()
        .flat_map(|isa| [1, 2, 3, 7].map(move |n| kernels(n, isa)))
        .collect();
    TestRunner::new(config)
        .run(
            &cases,
            |((kv_heads, group), lengths, shared, window, seed)| {
                let layer = Layer {
                    window,
                    ..Layer::new(kv_heads * group, kv_heads)
                };
                let fixture = Fixture::sharing(seed, layer, &lengths, shared);
                let width = fixture.width();
                let alone: Vec<Vec<u32>> = (0..lengths.len())
                    .map(|index| fixture.whole(&reference, index))
                    .collect();
                let random = &mut Random::new(seed);
                for kernels in &machines {
                    // Mostly decode: few queries at the end of each sequence, or else a chunk of it.
                    let stretches: Vec<_> = (0..lengths.len())
                        .map(|index| {
                            let most = [1, 1, 3, 60][random.below(4)];
                            let len = 1 + random.below(most.min(lengths[index]));
                            (index, lengths[index] - len, len)
                        })
                        .collect();
                    let outs = fixture.attend(kernels, &stretches);
                    for ((index, start, len), out) in stretches.into_iter().zip(outs) {
                        let whole = &alone[index][start * width..(start + len) * width];
                        prop_assert!(out == whole, "{index}: {start}+{len} of {kernels:?}");
                    }
                }
                Ok(())
            },
        )
        .unwrap();
}

#[test]
fn heads_of_several_tiles_share_prefixes_and_windows_too() {
    let layer = Layer {
        head_dim: 256,
        window: 512,
        ..Layer::new(4, 1)
    };
    let fixture = Fixture::sharing(46, layer, &[600, 650, 530, 1040], 512);
    let width = fixture.width();
    for isa in isas() {
        let one = kernels(1, isa);
        let stretches = [(0, 599, 1), (1, 648, 2), (2, 529, 1), (3, 1039, 1)];
        let together = fixture.attend(&kernels(2, isa), &stretches);
        for (out, (index, start, len)) in together.into_iter().zip(stretches) {
            let whole = fixture.whole(&one, index);
            assert_eq!(out, whole[start * width..(start + len) * width], "{index}");
        }
    }
}

#[test]
#[should_panic(expected = "of 2 blocks")]
fn a_slot_outside_the_cache_is_refused() {
    let mut cache = KvLayer::new(2, 1, 16);
    let slot = KvSlot {
        block: BlockId(2),
        offset: 0,
    };
    kernels(1, crate::Isa::Portable).write_kv(&mut cache, &[0.0; 16], &[0.0; 16], &[slot]);
}

#[test]
#[should_panic(expected = "a window of no positions")]
fn an_empty_window_is_refused() {
    drop(KvLayer::new(1, 1, 16).with_window(0));
}
