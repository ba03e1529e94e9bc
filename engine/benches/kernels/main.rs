//! Speed of the CPU kernels on the shapes of a 135 M model, each held against the limits of this
//! machine, which are measured in the same run: `cargo bench -p engine --bench kernels`.
//!
//! With one row a product reads all its weights once, so the memory's bandwidth is the limit; with
//! hundreds it is the processor's integer peak (activations of 16 bits take two passes, so that half of
//! it is what they can reach). The weights of a group are many copies, more than the caches hold, so
//! that each is read from memory as in a model.

mod machine;
mod roofline;

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use engine::kernels::{
    ActivationBits, AttentionPlan, AttentionShape, AttentionSpan, Format, Kernels, KvLayer, KvSlot,
    MatmulInput, PackedMatrix, TensorBytes,
};
use engine::{BLOCK_SIZE, BlockId, Isa};

use crate::machine::Machine;
use crate::roofline::{Roofline, Work};

/// Bytes of weights that no cache holds.
const COLD_BYTES: usize = 128 << 20;
/// Layers of a small model, each with its own cache.
const LAYERS: usize = 30;

fn main() {
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let Ok(kernels) = Kernels::new(threads, None) else {
        return;
    };
    // Where there are tiles, what they are worth is seen beside the vectors that would do without.
    let vectors = (kernels.isa() == Isa::Amx)
        .then(|| Kernels::new(threads, Some(Isa::Avx512Vnni)).ok())
        .flatten();
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let machine = Machine::measure(kernels.threads(), kernels.isa());
    let roofline = Roofline::new(machine, kernels.threads());
    for (outputs, inputs) in [(576, 1536), (1536, 576), (49152, 576)] {
        for format in [Format::Q4_1, Format::Q8_0] {
            let mut matmul = |kernels| {
                matmul(
                    &mut criterion,
                    kernels,
                    &roofline,
                    format,
                    (outputs, inputs),
                );
            };
            matmul(&kernels);
            vectors.iter().for_each(matmul);
        }
    }
    attention(&mut criterion, &kernels, &roofline);
    criterion.final_summary();
    // Nobody is left to be told that nobody reads it.
    write!(stdout(), "{roofline}").ok();
}

fn matmul(
    criterion: &mut Criterion,
    kernels: &Kernels,
    roofline: &Roofline,
    format: Format,
    (outputs, inputs): (usize, usize),
) {
    let Ok(len) = format.tensor_bytes(outputs, inputs) else {
        return;
    };
    let bytes = vec![0x35; len];
    let part = TensorBytes {
        format,
        rows: outputs,
        cols: inputs,
        bytes: &bytes,
    };
    let copies = COLD_BYTES.div_ceil(len);
    let pack = |_| PackedMatrix::pack(kernels, &[part]);
    let Ok(weights) = (0..copies).map(pack).collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let name = format!("{}/{outputs}x{inputs}/{:?}", format.name(), kernels.isa());
    let mut group = criterion.benchmark_group(&name);
    for rows in [1, 8, 32, 512] {
        let work = Work {
            bytes: weights[0].memory_bytes() as u64,
            operations: (2 * outputs * inputs * rows) as u64,
            integer: true,
        };
        group.throughput(Throughput::ElementsAndBytes {
            elements: work.operations,
            bytes: work.bytes,
        });
        let x: Vec<f32> = (0..rows * inputs).map(|i| (i as f32).sin()).collect();
        let mut out = vec![0.0; rows * outputs];
        for bits in [ActivationBits::Eight, ActivationBits::Sixteen] {
            let mut input = MatmulInput::with_bits(bits);
            input.set(kernels, &x, rows, inputs);
            let mut next = weights.iter().cycle();
            let id = format!("{bits:?}");
            let full = format!("{name}/{id}/{rows}");
            group.bench_function(BenchmarkId::new(id, rows), |bencher| {
                roofline.iter(bencher, &full, work, || {
                    if let Some(weights) = next.next() {
                        kernels.matmul(weights, &input, &mut out);
                    }
                });
            });
        }
    }
    group.finish();
}

/// Sequences that each have some queries after a context.
#[derive(Debug, Clone, Copy)]
struct Spans {
    name: &'static str,
    sequences: usize,
    queries: usize,
    context: usize,
    /// Positions, of the context's first ones, that the sequences have in the same blocks.
    shared: usize,
}

impl Spans {
    fn of(name: &'static str, sequences: usize, queries: usize, context: usize) -> Self {
        Self {
            name,
            sequences,
            queries,
            context,
            shared: 0,
        }
    }

    /// Blocks of each sequence; all blocks are numbered from 0.
    fn tables(self) -> Vec<Vec<BlockId>> {
        let shared = self.shared / BLOCK_SIZE;
        let own = (self.context + self.queries).div_ceil(BLOCK_SIZE) - shared;
        let all: Vec<BlockId> = (0..)
            .take(shared + self.sequences * own)
            .map(BlockId)
            .collect();
        let (prefix, rest) = all.split_at(shared);
        rest.chunks(own).map(|own| [prefix, own].concat()).collect()
    }
}

fn attention(criterion: &mut Criterion, kernels: &Kernels, roofline: &Roofline) {
    let (heads, kv_heads, head_dim) = (9, 3, 64);
    let mut group = criterion.benchmark_group("attention/9x3x64");
    for case in [
        Spans::of("decode", 1, 1, 512),
        Spans::of("decode", 1, 1, 1800),
        Spans::of("decode", 4, 1, 1800),
        Spans::of("decode", 32, 1, 160),
        Spans::of("decode", 32, 1, 512),
        Spans {
            shared: 1024,
            ..Spans::of("decode of one prefix", 8, 1, 1056)
        },
        Spans::of("prefill", 1, 512, 0),
        Spans::of("prefill", 1, 512, 1536),
    ] {
        let Spans {
            sequences,
            queries,
            context,
            ..
        } = case;
        let tables = case.tables();
        let blocks = tables.iter().flatten().map(|block| block.0 + 1).max();
        let blocks = blocks.unwrap_or(0) as usize;
        let block_bytes = KvLayer::new(1, kv_heads, head_dim).block_bytes();
        // As a model does, which has left a layer's cache for long when it comes back to it.
        let layers = COLD_BYTES.div_ceil(blocks * block_bytes).min(LAYERS);
        let caches: Vec<KvLayer> = (0..layers)
            .map(|_| full_cache(kernels, blocks, kv_heads, head_dim))
            .collect();
        let spans = tables
            .iter()
            .enumerate()
            .map(|(sequence, table)| AttentionSpan {
                q_start: sequence * queries,
                q_len: queries,
                context_start: context,
                block_table: table,
            });
        let shape = AttentionShape {
            heads,
            kv_heads,
            window: usize::MAX,
        };
        let mut plan = AttentionPlan::default();
        plan.set(kernels, shape, spans);
        let q = vec![0.1; sequences * queries * heads * head_dim];
        let mut out = vec![0.0; q.len()];
        let seen: usize = (0..queries).map(|query| context + query + 1).sum();
        let work = Work {
            bytes: (blocks * block_bytes) as u64,
            operations: (sequences * seen * heads * head_dim * 2 * 2) as u64,
            integer: false,
        };
        group.throughput(Throughput::ElementsAndBytes {
            elements: work.operations,
            bytes: work.bytes,
        });
        let parameter = format!("{sequences}x{queries} after {context}");
        let full = format!("attention/9x3x64/{}/{parameter}", case.name);
        let mut next = caches.iter().cycle();
        group.bench_function(BenchmarkId::new(case.name, parameter), |bencher| {
            roofline.iter(bencher, &full, work, || {
                if let Some(cache) = next.next() {
                    kernels.attention(&plan, cache, &q, 0.125, &mut out);
                }
            });
        });
    }
    group.finish();
}

/// A cache that was written to: blocks that nobody wrote share one empty page of memory.
fn full_cache(kernels: &Kernels, blocks: usize, kv_heads: usize, head_dim: usize) -> KvLayer {
    let mut cache = KvLayer::new(blocks, kv_heads, head_dim);
    let slot = |block| (0..BLOCK_SIZE).map(move |offset| KvSlot { block, offset });
    let slots: Vec<KvSlot> = (0..).take(blocks).map(BlockId).flat_map(slot).collect();
    let values = vec![0.1; slots.len() * kv_heads * head_dim];
    kernels.write_kv(&mut cache, &values, &values, &slots);
    cache
}
