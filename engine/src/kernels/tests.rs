//! What the tests of all kernels share: machines, random numbers, random tensors.

use std::num::NonZeroUsize;

use half::{bf16, f16};

use super::{Format, Kernels};
use crate::Isa;

/// The instruction sets of this machine, plain Rust first.
pub(super) fn isas() -> Vec<Isa> {
    [Isa::Portable, Isa::Avx2, Isa::Avx512Vnni, Isa::Amx]
        .into_iter()
        .filter(|isa| Kernels::new(NonZeroUsize::MIN, Some(*isa)).is_ok())
        .collect()
}

pub(super) fn kernels(threads: usize, isa: Isa) -> Kernels {
    Kernels::new(NonZeroUsize::new(threads).unwrap(), Some(isa)).unwrap()
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// In 0..1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// About normal, with a few large ones as activations have.
    pub(super) fn normals(&mut self, len: usize) -> Vec<f32> {
        (0..len)
            .map(|_| {
                let sum: f32 = (0..6).map(|_| self.unit() - 0.5).sum();
                if self.below(50) == 0 { sum * 20.0 } else { sum }
            })
            .collect()
    }
}

/// Random blocks whose scales are small numbers, of both signs.
pub(super) fn random_tensor(
    random: &mut Random,
    format: Format,
    rows: usize,
    cols: usize,
) -> Vec<u8> {
    let mut bytes = vec![0; format.tensor_bytes(rows, cols).unwrap()];
    if format.is_float() {
        let values = random.normals(rows * cols);
        for (bytes, value) in bytes.chunks_exact_mut(format.block_bytes()).zip(values) {
            let (single, half) = (value.to_le_bytes(), f16::from_f32(value).to_le_bytes());
            let bfloat = bf16::from_f32(value).to_le_bytes();
            let stored = if format == Format::F16 { half } else { bfloat };
            bytes.copy_from_slice(if bytes.len() == 4 { &single } else { &stored });
        }
        return bytes;
    }
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        block.fill_with(|| random.byte());
        for at in scale_places(format) {
            let scale = f16::from_f32((random.unit() - 0.4) * 0.05);
            block[*at..at + 2].copy_from_slice(&scale.to_le_bytes());
        }
    }
    bytes
}

/// Where a block's f16 stand.
fn scale_places(format: Format) -> &'static [usize] {
    match format {
        Format::F32 | Format::F16 | Format::Bf16 => &[],
        Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => &[0],
        Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => &[0, 2],
        Format::Q2K => &[80, 82],
        Format::Q3K => &[108],
        Format::Q6K => &[208],
    }
}
