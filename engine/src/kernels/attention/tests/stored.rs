//! What a block holds of what was written.

use half::f16;
use proptest::prelude::*;

use super::super::stored::Stored;
use super::*;

fn cache(dtype: KvCacheDtype, kv_heads: usize, head_dim: usize) -> KvLayer {
    let shape = KvShape {
        kv_heads,
        head_dim,
        dtype,
    };
    KvLayer::layers(1, 2, shape).remove(0)
}

/// Where all of these tests write.
const SLOT: KvSlot = KvSlot {
    block: BlockId(1),
    offset: 3,
};

/// The key and the value that a head of 16 holds at [`SLOT`], as f32.
fn held(cache: &KvLayer) -> [[f32; 16]; 2] {
    let at = |half: Stored<'_>, index: usize| match half {
        Stored::F16(halves) => f16::from_bits(halves[index]).to_f32(),
        Stored::Int8 { scales, codes } => scales[SLOT.offset] * f32::from(codes[index]),
    };
    let (keys, values) = (cache.keys(SLOT.block, 0), cache.values(SLOT.block, 0));
    [
        std::array::from_fn(|d| at(keys, d * BLOCK_SIZE + SLOT.offset)),
        std::array::from_fn(|d| at(values, SLOT.offset * 16 + d)),
    ]
}

/// Writes a head of 16 as key and as value, and gives what is held then.
fn written(dtype: KvCacheDtype, numbers: [f32; 16], isa: crate::Isa) -> [[f32; 16]; 2] {
    let mut cache = cache(dtype, 1, 16);
    kernels(1, isa).write_kv(&mut cache, &numbers, &numbers, &[SLOT]);
    held(&cache)
}

#[test]
fn stored_values_are_bounded() {
    for isa in isas() {
        let mut numbers = [0.0; 16];
        numbers[..4].copy_from_slice(&[1e30, -1e30, 1.0 / 3.0, f32::INFINITY]);
        let mut expected = [0.0; 16];
        expected[..4].copy_from_slice(&[65504.0, -65504.0, 1.0 / 3.0, 65504.0]);
        expected[2] = f16::from_f32(expected[2]).to_f32();
        assert_eq!(written(KvCacheDtype::F16, numbers, isa), [expected; 2]);
        expected[2] = 0.0;
        for held in written(KvCacheDtype::Int8, numbers, isa) {
            for (held, expected) in held.iter().zip(expected) {
                assert!((held - expected).abs() < 0.01, "{isa:?}: {held}");
            }
        }
    }
}

#[test]
fn what_f16_rounds_to_nothing_int8_does_too() {
    for isa in isas() {
        for tiny in [0.0, -0.0, 1e-45, -1e-38, 2.9e-8] {
            assert_eq!(written(KvCacheDtype::F16, [tiny; 16], isa), [[0.0; 16]; 2]);
            assert_eq!(written(KvCacheDtype::Int8, [tiny; 16], isa), [[0.0; 16]; 2]);
        }
    }
}

#[test]
fn not_a_number_stays_visible() {
    for isa in isas() {
        for place in [0, 7, 15] {
            for others in [0.0, 1.0] {
                let mut numbers = [others; 16];
                numbers[place] = f32::NAN;
                for held in written(KvCacheDtype::Int8, numbers, isa) {
                    assert!(held.iter().all(|x| x.is_nan()), "{isa:?}: {held:?}");
                }
            }
        }
    }
}

#[test]
fn attention_of_unwritten_blocks_is_zero() {
    for dtype in DTYPES {
        for isa in isas() {
            let kernels = kernels(1, isa);
            let mut cache = cache(dtype, 1, 16);
            kernels.write_kv(&mut cache, &[1.0; 16], &[1.0; 16], &[SLOT]);
            let span = AttentionSpan {
                q_start: 0,
                q_len: 1,
                context_start: 0,
                block_table: &[BlockId(0)],
            };
            let mut out = [9.0; 16];
            let mut plan = AttentionPlan::default();
            plan.set(&kernels, Layer::new(1, 1).attention(), [span]);
            kernels.attention(&plan, &cache, &[1.0; 16], 1.0, &mut out);
            assert_eq!(out, [0.0; 16], "block 0 holds zeros");
        }
    }
}

#[test]
fn blocks_take_the_bytes_that_they_say() {
    let bytes = |dtype| {
        let cache = cache(dtype, 3, 64);
        assert_eq!(cache.bytes(), 2 * cache.block_bytes());
        cache.block_bytes()
    };
    assert_eq!(bytes(KvCacheDtype::F16), 3 * 2 * 16 * 64 * 2);
    assert_eq!(bytes(KvCacheDtype::Int8), 3 * 2 * (16 * 64 + 16 * 4));
}

#[test]
fn blocks_come_back_into_another_place_with_the_same_bits() {
    for dtype in DTYPES {
        let random = &mut Random::new(7);
        let [k, v] = [(); 2].map(|()| random.normals(16 * 2 * 48));
        let slots: Vec<KvSlot> = (0..16).map(|offset| KvSlot { offset, ..SLOT }).collect();
        let mut layers = [cache(dtype, 2, 48), cache(dtype, 2, 48)];
        kernels(2, crate::Isa::Portable).write_kv(&mut layers[0], &k, &v, &slots);
        let mut bytes = vec![1; layers[0].block_bytes()];
        layers[0].read_block(BlockId(1), &mut bytes);
        layers[1].write_block(BlockId(0), &bytes);
        for head in 0..2 {
            let as_text = |half: Stored<'_>| format!("{half:?}");
            for half in [KvLayer::keys, KvLayer::values] {
                assert_eq!(
                    as_text(half(&layers[0], BlockId(1), head)),
                    as_text(half(&layers[1], BlockId(0), head))
                );
            }
        }
        let untouched = as_bytes(&layers[1], BlockId(1));
        assert!(untouched.iter().all(|byte| *byte == 0));
    }
}

fn as_bytes(cache: &KvLayer, block: BlockId) -> Vec<u8> {
    let mut bytes = vec![0; cache.block_bytes()];
    cache.read_block(block, &mut bytes);
    bytes
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    /// Of numbers of any size; and every instruction set stores the same bytes.
    #[test]
    fn int8_is_within_half_a_unit(
        seed: u64,
        exponent in -20..15,
        outlier in prop_oneof![Just(1.0_f32), 1.0..1000.0_f32],
    ) {
        let random = &mut Random::new(seed);
        let mut numbers = [0.0; 16];
        numbers.copy_from_slice(&random.normals(16));
        numbers[random.below(16)] *= outlier;
        let numbers = numbers.map(|x| (x * 2.0_f32.powi(exponent)).clamp(-65504.0, 65504.0));
        let unit = numbers.iter().fold(0.0, |most: f32, x| most.max(x.abs())) / 127.0;
        let stored = isas().into_iter().map(|isa| {
            let mut cache = cache(KvCacheDtype::Int8, 1, 16);
            kernels(1, isa).write_kv(&mut cache, &numbers, &numbers, &[SLOT]);
            let bytes = as_bytes(&cache, SLOT.block);
            (held(&cache), bytes)
        });
        let stored: Vec<_> = stored.collect();
        for (held, bytes) in &stored {
            prop_assert_eq!(bytes, &stored[0].1);
            for (held, number) in held.iter().flat_map(|half| half.iter().zip(numbers)) {
                prop_assert!((held - number).abs() <= 0.5001 * unit, "{} for {}", held, number);
            }
        }
    }
}
