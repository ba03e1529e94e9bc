//! Translation of a quantised block into the packed family: unsigned codes `u` with one scale and
//! one offset a group, so that every value is `scale * u + offset`. Nothing is lost: the scales of
//! the K formats are multiplied out in f32 exactly as their decoding does.

use super::dequantise::f16_at;
use super::format::Format;
use super::k_codes;

/// How a quantised format looks in the packed family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernels) struct Grouping {
    /// Values that share a scale: 16 or 32.
    pub(in crate::kernels) group_len: usize,
    /// Bits of a packed code: 4 or 8.
    pub(in crate::kernels) bits: usize,
    /// The code that means zero where there are no offsets of their own: value = scale * (u - zero).
    pub(in crate::kernels) zero: Option<u8>,
}

impl Grouping {
    /// Of a quantised format; `None` for the float formats.
    pub(in crate::kernels) fn of(format: Format) -> Option<Self> {
        let (group_len, bits, zero) = match format {
            Format::F32 | Format::F16 | Format::Bf16 => return None,
            Format::Q4_0 => (32, 4, Some(8)),
            Format::Q4_1 | Format::Q4K => (32, 4, None),
            Format::Q5_0 => (32, 8, Some(16)),
            Format::Q5_1 | Format::Q5K => (32, 8, None),
            Format::Q8_0 => (32, 8, Some(128)),
            Format::Q2K => (16, 4, None),
            Format::Q3K => (16, 4, Some(4)),
            Format::Q6K => (16, 8, Some(32)),
        };
        Some(Self {
            group_len,
            bits,
            zero,
        })
    }
}

/// Translates one block: `codes` takes its values, `scales` and `offsets` its groups. Offsets are
/// left alone where the format has none (see [`Grouping::zero`]).
pub(in crate::kernels) fn unpack_block(
    format: Format,
    block: &[u8],
    codes: &mut [u8],
    scales: &mut [f32],
    offsets: &mut [f32],
) {
    match format {
        Format::F32 | Format::F16 | Format::Bf16 => {}
        Format::Q4_0 => {
            scales[0] = f16_at(block, 0);
            nibbles(&block[2..18], codes);
        }
        Format::Q4_1 => {
            scales[0] = f16_at(block, 0);
            offsets[0] = f16_at(block, 2);
            nibbles(&block[4..20], codes);
        }
        Format::Q5_0 => {
            scales[0] = f16_at(block, 0);
            nibbles(&block[6..22], codes);
            fifth_bits(&block[2..6], codes);
        }
        Format::Q5_1 => {
            scales[0] = f16_at(block, 0);
            offsets[0] = f16_at(block, 2);
            nibbles(&block[8..24], codes);
            fifth_bits(&block[4..8], codes);
        }
        Format::Q8_0 => {
            scales[0] = f16_at(block, 0);
            for (code, &byte) in codes.iter_mut().zip(&block[2..34]) {
                *code = byte ^ 0x80; // two's complement to offset 128
            }
        }
        Format::Q2K => k_codes::q2_k(block, codes, scales, offsets),
        Format::Q3K => k_codes::q3_k(block, codes, scales),
        Format::Q4K => k_codes::q4_k(block, codes, scales, offsets),
        Format::Q5K => k_codes::q5_k(block, codes, scales, offsets),
        Format::Q6K => k_codes::q6_k(block, codes, scales),
    }
}

fn nibbles(bytes: &[u8], codes: &mut [u8]) {
    let (low, high) = codes.split_at_mut(16);
    for ((low, high), &byte) in low.iter_mut().zip(high).zip(bytes) {
        *low = byte & 15;
        *high = byte >> 4;
    }
}

fn fifth_bits(bytes: &[u8], codes: &mut [u8]) {
    for (codes, &byte) in codes.chunks_exact_mut(8).zip(bytes) {
        for (bit, code) in codes.iter_mut().enumerate() {
            *code |= ((byte >> bit) & 1) << 4;
        }
    }
}
