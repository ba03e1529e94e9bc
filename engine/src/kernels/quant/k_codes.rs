//! Translation of K super-blocks into codes, scales and offsets of their groups.

use super::dequantise::f16_at;
use super::k_dequantise::{
    nibble, q3_k_scale, q4_k_scale_min, q6_k_code, two_bit_byte, two_bit_shift,
};

pub(super) fn q2_k(block: &[u8], codes: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
    for (index, code) in codes.iter_mut().enumerate() {
        *code = (block[16 + two_bit_byte(index)] >> two_bit_shift(index)) & 3;
    }
    for (group, (scale, offset)) in scales.iter_mut().zip(offsets).enumerate() {
        *scale = d * f32::from(block[group] & 15);
        *offset = -(dmin * f32::from(block[group] >> 4));
    }
}

pub(super) fn q3_k(block: &[u8], codes: &mut [u8], scales: &mut [f32]) {
    let d = f16_at(block, 108);
    for (index, code) in codes.iter_mut().enumerate() {
        let low = (block[32 + two_bit_byte(index)] >> two_bit_shift(index)) & 3;
        *code = low | (((block[index % 32] >> (index / 32)) & 1) << 2);
    }
    for (group, scale) in scales.iter_mut().enumerate() {
        *scale = d * (f32::from(q3_k_scale(&block[96..108], group)) - 32.0);
    }
}

pub(super) fn q4_k(block: &[u8], codes: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
    for (index, code) in codes.iter_mut().enumerate() {
        *code = nibble(&block[16..144], index);
    }
    scales_and_mins(block, scales, offsets);
}

pub(super) fn q5_k(block: &[u8], codes: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
    for (index, code) in codes.iter_mut().enumerate() {
        let high = (block[16 + index % 32] >> (index / 32)) & 1;
        *code = nibble(&block[48..176], index) | (high << 4);
    }
    scales_and_mins(block, scales, offsets);
}

pub(super) fn q6_k(block: &[u8], codes: &mut [u8], scales: &mut [f32]) {
    let d = f16_at(block, 208);
    for (index, code) in codes.iter_mut().enumerate() {
        *code = q6_k_code(block, index);
    }
    for (group, scale) in scales.iter_mut().enumerate() {
        *scale = d * f32::from(block[192 + group].cast_signed());
    }
}

/// The eight groups of Q4_K and Q5_K.
fn scales_and_mins(block: &[u8], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (group, (scale, offset)) in scales.iter_mut().zip(offsets).enumerate() {
        let (sub_scale, sub_min) = q4_k_scale_min(&block[4..16], group);
        *scale = d * f32::from(sub_scale);
        *offset = -(dmin * f32::from(sub_min));
    }
}
