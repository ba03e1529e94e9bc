//! The plain decoding of the K formats: super-blocks of 256 values with quantised sub-scales.

use super::dequantise::f16_at;

/// 16 bytes (scale nibble, min nibble), 64 bytes of 2-bit codes, d, dmin.
pub(super) fn q2_k(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
    for (index, value) in out.iter_mut().enumerate() {
        let scale = block[index / 16];
        let code = (block[16 + two_bit_byte(index)] >> two_bit_shift(index)) & 3;
        *value = d * f32::from(scale & 15) * f32::from(code) - dmin * f32::from(scale >> 4);
    }
}

/// 32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of 6-bit scales, d.
pub(super) fn q3_k(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 108);
    for (index, value) in out.iter_mut().enumerate() {
        let code = (block[32 + two_bit_byte(index)] >> two_bit_shift(index)) & 3;
        let high = (block[index % 32] >> (index / 32)) & 1;
        let scale = d * (f32::from(q3_k_scale(&block[96..108], index / 16)) - 32.0);
        *value = scale * (f32::from(code | (high << 2)) - 4.0);
    }
}

/// d, dmin, 12 bytes of 6-bit scales and mins, 128 bytes of nibbles.
pub(super) fn q4_k(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (index, value) in out.iter_mut().enumerate() {
        let (scale, min) = q4_k_scale_min(&block[4..16], index / 32);
        let code = nibble(&block[16..144], index);
        *value = d * f32::from(scale) * f32::from(code) - dmin * f32::from(min);
    }
}

/// d, dmin, 12 bytes of 6-bit scales and mins, 32 bytes of fifth bits, 128 bytes of nibbles.
pub(super) fn q5_k(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (index, value) in out.iter_mut().enumerate() {
        let (scale, min) = q4_k_scale_min(&block[4..16], index / 32);
        let high = (block[16 + index % 32] >> (index / 32)) & 1;
        let code = nibble(&block[48..176], index) | (high << 4);
        *value = d * f32::from(scale) * f32::from(code) - dmin * f32::from(min);
    }
}

/// 128 bytes of low nibbles, 64 bytes of high 2 bits, 16 signed scales, d.
pub(super) fn q6_k(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 208);
    for (index, value) in out.iter_mut().enumerate() {
        let scale = d * f32::from(block[192 + index / 16].cast_signed());
        *value = scale * (f32::from(q6_k_code(block, index)) - 32.0);
    }
}

/// Byte of the 2-bit codes that holds value `index`: each half of 128 values has 32 bytes, whose
/// four bit pairs are values 0, 32, 64 and 96 further on.
pub(super) fn two_bit_byte(index: usize) -> usize {
    index / 128 * 32 + index % 32
}

/// How far value `index` is shifted in that byte.
pub(super) fn two_bit_shift(index: usize) -> usize {
    index % 128 / 32 * 2
}

/// The 6-bit scale of sub-block `index` of 16 (Q3_K), 32 too large.
///
/// Low nibbles: sub-blocks 0 to 7 in bytes 0 to 7, sub-blocks 8 to 15 in their high nibbles. High
/// bit pairs: sub-block i in byte 8 + i % 4, shifted by 2 * (i / 4).
pub(super) fn q3_k_scale(scales: &[u8], index: usize) -> u8 {
    let low = (scales[index % 8] >> (index / 8 * 4)) & 15;
    let high = (scales[8 + index % 4] >> (index / 4 * 2)) & 3;
    low | (high << 4)
}

/// The 6-bit scale and min of sub-block `index` of 8 (Q4_K, Q5_K).
///
/// Sub-blocks 0 to 3 fill the low six bits of bytes 0 to 3 (scales) and 4 to 7 (mins); the others
/// have their low nibbles in bytes 8 to 11 and their high pairs atop those first eight bytes.
pub(super) fn q4_k_scale_min(scales: &[u8], index: usize) -> (u8, u8) {
    if index < 4 {
        (scales[index] & 63, scales[index + 4] & 63)
    } else {
        let low = scales[index + 4];
        (
            (low & 15) | ((scales[index - 4] >> 6) << 4),
            (low >> 4) | ((scales[index] >> 6) << 4),
        )
    }
}

/// Value `index` of K nibbles: each 64 values share 32 bytes, the first half in the low nibbles.
pub(super) fn nibble(codes: &[u8], index: usize) -> u8 {
    (codes[index / 64 * 32 + index % 32] >> (index % 64 / 32 * 4)) & 15
}

/// The 6-bit code of value `index` of a whole Q6_K block.
pub(super) fn q6_k_code(block: &[u8], index: usize) -> u8 {
    let (half, within) = (index / 128, index % 128);
    let low = (block[half * 64 + within % 64] >> (within / 64 * 4)) & 15;
    let high = (block[128 + half * 32 + within % 32] >> (within / 32 * 2)) & 3;
    low | (high << 4)
}
