//! Speed of the CPU kernels on the shapes of a 135 M model: `cargo bench -p engine --bench kernels`.
//!
//! Each line gives bytes read and operations (a multiplication and an addition each) a second.
//! What they may be held against: with one row a product reads all its weights once, so memory
//! bandwidth is the limit; with hundreds it is the processor's integer peak (128 operations a cycle
//! and core with AVX-512 VNNI on most; half of that for 16-bit activations, which take two passes).
//! The weights of a group are many copies, more than the caches hold, so that each is read from
//! memory as in a model.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use criterion::{BenchmarkId, Criterion, Throughput};
use engine::kernels::{
    ActivationBits, AttentionSpan, Format, Kernels, KvLayer, MatmulInput, PackedMatrix, TensorBytes,
};
use engine::{BLOCK_SIZE, BlockId};

/// Bytes of weights that no cache holds.
const COLD_BYTES: usize = 128 << 20;

fn main() {
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let Ok(kernels) = Kernels::new(threads, None) else {
        return;
    };
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    for (outputs, inputs) in [(576, 1536), (1536, 576), (49152, 576)] {
        for format in [Format::Q4_1, Format::Q8_0] {
            matmul(&mut criterion, &kernels, format, outputs, inputs);
        }
    }
    attention(&mut criterion, &kernels);
    criterion.final_summary();
}

fn matmul(
    criterion: &mut Criterion,
    kernels: &Kernels,
    format: Format,
    outputs: usize,
    inputs: usize,
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
    let mut group = criterion.benchmark_group(format!("{}/{outputs}x{inputs}", format.name()));
    for rows in [1, 8, 32, 512] {
        group.throughput(Throughput::ElementsAndBytes {
            elements: (2 * outputs * inputs * rows) as u64,
            bytes: weights[0].memory_bytes() as u64,
        });
        let x: Vec<f32> = (0..rows * inputs).map(|i| (i as f32).sin()).collect();
        let mut out = vec![0.0; rows * outputs];
        for bits in [ActivationBits::Eight, ActivationBits::Sixteen] {
            let mut input = MatmulInput::with_bits(bits);
            input.set(kernels, &x, rows, inputs);
            let mut next = weights.iter().cycle();
            group.bench_function(BenchmarkId::new(format!("{bits:?}"), rows), |bencher| {
                bencher.iter(|| {
                    if let Some(weights) = next.next() {
                        kernels.matmul(weights, &input, &mut out);
                    }
                });
            });
        }
    }
    group.finish();
}

fn attention(criterion: &mut Criterion, kernels: &Kernels) {
    let (heads, kv_heads, head_dim) = (9, 3, 64);
    let mut group = criterion.benchmark_group("attention/9x3x64");
    for (name, sequences, queries, context) in [
        ("decode", 1_usize, 1_usize, 512_usize),
        ("decode", 1, 1, 2048),
        ("decode", 32, 1, 512),
        ("prefill", 1, 512, 0),
        ("prefill", 1, 512, 1536),
    ] {
        let positions = context + queries;
        let blocks = positions.div_ceil(BLOCK_SIZE);
        let cache = KvLayer::new(sequences * blocks, kv_heads, head_dim);
        let all: Vec<BlockId> = (0..).take(sequences * blocks).map(BlockId).collect();
        let spans: Vec<AttentionSpan<'_>> = all
            .chunks(blocks)
            .enumerate()
            .map(|(sequence, table)| AttentionSpan {
                heads,
                q_start: sequence * queries,
                q_len: queries,
                context_start: context,
                block_table: table,
            })
            .collect();
        let q = vec![0.1; sequences * queries * heads * head_dim];
        let mut out = vec![0.0; q.len()];
        let seen: usize = (0..queries).map(|query| context + query + 1).sum();
        group.throughput(Throughput::ElementsAndBytes {
            elements: (sequences * seen * heads * head_dim * 4) as u64,
            bytes: (sequences * positions * kv_heads * head_dim * 4) as u64,
        });
        let id = BenchmarkId::new(name, format!("{sequences}x{queries} after {context}"));
        group.bench_function(id, |bencher| {
            bencher.iter(|| kernels.attention(&cache, &q, &spans, 0.125, &mut out));
        });
    }
    group.finish();
}
