//! The plain decoding of every format: the reference that tests hold the kernels against, and what
//! reads small tensors such as norm weights.

use half::{bf16, f16};

use super::format::Format;
use super::k_dequantise;
use crate::kernels::KernelError;

/// Decodes `out.len()` values of `format` from `bytes` (row-major, whole blocks).
///
/// # Errors
/// When `out` is not whole blocks, or `bytes` is not exactly as long as they are.
pub fn dequantise(format: Format, bytes: &[u8], out: &mut [f32]) -> Result<(), KernelError> {
    let expected = format.tensor_bytes(1, out.len())?;
    if bytes.len() != expected {
        return Err(KernelError::WrongLength {
            format: format.name(),
            values: out.len(),
            expected,
            actual: bytes.len(),
        });
    }
    let decode = decoder(format);
    let blocks = bytes.chunks_exact(format.block_bytes());
    for (block, values) in blocks.zip(out.chunks_exact_mut(format.block_len())) {
        decode(block, values);
    }
    Ok(())
}

/// Decodes one block into its values.
type Decoder = fn(&[u8], &mut [f32]);

fn decoder(format: Format) -> Decoder {
    match format {
        Format::F32 => |b, out| out[0] = f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        Format::F16 => |b, out| out[0] = f16_at(b, 0),
        Format::Bf16 => |b, out| out[0] = bf16::from_le_bytes([b[0], b[1]]).to_f32(),
        Format::Q4_0 => q4_0,
        Format::Q4_1 => q4_1,
        Format::Q5_0 => q5_0,
        Format::Q5_1 => q5_1,
        Format::Q8_0 => q8_0,
        Format::Q2K => k_dequantise::q2_k,
        Format::Q3K => k_dequantise::q3_k,
        Format::Q4K => k_dequantise::q4_k,
        Format::Q5K => k_dequantise::q5_k,
        Format::Q6K => k_dequantise::q6_k,
    }
}

/// The f16 that begins at `at`, widened.
pub(super) fn f16_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// d: f16, 16 bytes of nibbles; value j is the low nibble of byte j, value j + 16 the high one.
fn q4_0(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    for (j, &byte) in block[2..18].iter().enumerate() {
        out[j] = (f32::from(byte & 15) - 8.0) * d;
        out[j + 16] = (f32::from(byte >> 4) - 8.0) * d;
    }
}

/// d, m: f16, nibbles as in Q4_0.
fn q4_1(block: &[u8], out: &mut [f32]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    for (j, &byte) in block[4..20].iter().enumerate() {
        out[j] = f32::from(byte & 15) * d + m;
        out[j + 16] = f32::from(byte >> 4) * d + m;
    }
}

/// d: f16, 32 fifth bits, nibbles as in Q4_0.
fn q5_0(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (j, &byte) in block[6..22].iter().enumerate() {
        out[j] = (f32::from((byte & 15) | fifth_bit(high, j)) - 16.0) * d;
        out[j + 16] = (f32::from((byte >> 4) | fifth_bit(high, j + 16)) - 16.0) * d;
    }
}

/// d, m: f16, 32 fifth bits, nibbles as in Q4_0.
fn q5_1(block: &[u8], out: &mut [f32]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    let high = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (j, &byte) in block[8..24].iter().enumerate() {
        out[j] = f32::from((byte & 15) | fifth_bit(high, j)) * d + m;
        out[j + 16] = f32::from((byte >> 4) | fifth_bit(high, j + 16)) * d + m;
    }
}

/// d: f16, 32 signed bytes.
fn q8_0(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    for (value, &byte) in out.iter_mut().zip(&block[2..34]) {
        *value = f32::from(byte.cast_signed()) * d;
    }
}

fn fifth_bit(high: u32, index: usize) -> u8 {
    u8::from((high >> index) & 1 == 1) << 4
}
