//! Plans and buffers that serve several calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[test]
#[should_panic(expected = "out of order")]
fn overlapping_spans_are_refused() {
    let span = AttentionSpan {
        q_start: 0,
        q_len: 1,
        context_start: 0,
        block_table: &[BlockId(0)],
    };
    let kernels = kernels(1, crate::Isa::Portable);
    let shape = Layer::new(1, 1).attention();
    AttentionPlan::default().set(&kernels, shape, [span, span]);
}

#[test]
fn a_plan_is_refused_by_a_cache_that_it_does_not_fit() {
    let kernels = kernels(1, crate::Isa::Portable);
    let span = AttentionSpan {
        q_start: 0,
        q_len: 2,
        context_start: 15,
        block_table: &[BlockId(0), BlockId(1)],
    };
    let mut plan = AttentionPlan::default();
    plan.set(&kernels, Layer::new(2, 1).attention(), [span]);
    let refused = |cache: &KvLayer, rows: usize| {
        let (q, mut out) = (vec![0.0; rows * 32], vec![0.0; rows * 32]);
        let call = || kernels.attention(&plan, cache, &q, 1.0, &mut out);
        let panic = catch_unwind(AssertUnwindSafe(call)).err()?;
        panic.downcast_ref::<String>().cloned()
    };
    assert_eq!(refused(&KvLayer::new(2, 1, 16), 2), None);
    let cases = [
        (KvLayer::new(1, 1, 16), 2, "block 1 of 1"),
        (KvLayer::new(2, 2, 16), 2, "KV heads and window"),
        (
            KvLayer::new(2, 1, 16).with_window(9),
            2,
            "KV heads and window",
        ),
        (KvLayer::new(2, 1, 16), 1, "end at row 2 of 1"),
    ];
    for (cache, rows, why) in cases {
        let found = refused(&cache, rows).unwrap_or_default();
        assert!(found.contains(why), "{why}: {found}");
    }
}

#[test]
fn memory_of_other_calls_changes_no_bit() {
    // Larger heads and longer contexts first, then smaller ones, and back. Unwritten places hold NaN.
    let layers = [(4, 1, 256), (6, 2, 64), (3, 3, 16)].map(|(heads, kv_heads, head_dim)| Layer {
        head_dim,
        ..Layer::new(heads, kv_heads)
    });
    let lengths = [2 * SECTION + 9, 70];
    let fixtures = layers.map(|layer| Fixture::sharing(47, layer, &lengths, 64));
    for isa in isas() {
        let all = kernels(2, isa);
        for fixture in fixtures.iter().chain(&fixtures) {
            let stretches = [(0, lengths[0] - 2, 2), (1, 69, 1)];
            let again = fixture.attend(&all, &stretches);
            let fresh = fixture.attend(&kernels(2, isa), &stretches);
            assert_eq!(again, fresh, "{:?} {isa:?}", fixture.layer);
        }
    }
}
