//! Reading one row back out of the tiles: the embedding lookup.

use half::{bf16, f16};

use super::packed::{FloatType, GroupLayout, Layout, PackedMatrix};
use crate::kernels::simd::LANES;

impl PackedMatrix {
    /// Decodes row `index`, exactly as [`dequantise`](crate::kernels::dequantise) does.
    ///
    /// # Panics
    /// When there is no such row, or `out` is not as long as one.
    pub fn row(&self, index: usize, out: &mut [f32]) {
        assert!(index < self.rows(), "row {index} of {}", self.rows());
        assert_eq!(out.len(), self.cols(), "values of a row");
        for segment in self.segments() {
            let Some(within) = index.checked_sub(segment.first_row) else {
                break;
            };
            if within < segment.rows {
                let (tile, lane) = (segment.tile(within / LANES), within % LANES);
                match segment.layout {
                    Layout::Quantised(layout) => quantised_row(layout, tile, lane, out),
                    Layout::Float(float) => float_row(float, tile, lane, out),
                }
                return;
            }
        }
    }
}

fn quantised_row(layout: GroupLayout, tile: &[u8], lane: usize, out: &mut [f32]) {
    let groups = tile.chunks_exact(layout.bytes());
    for (group, values) in groups.zip(out.chunks_exact_mut(layout.group_len)) {
        let (codes, factors) = group.split_at(layout.code_bytes());
        let (scales, offsets) = factors.split_at(layout.scale_bytes());
        let scale = factor(layout.wide_scales, lane, scales);
        for (k, value) in values.iter_mut().enumerate() {
            let code = code(layout.bits, codes, lane, k);
            *value = match layout.zero {
                Some(zero) => scale * (f32::from(code) - f32::from(zero)),
                None => scale * f32::from(code) + factor(layout.wide_scales, lane, offsets),
            };
        }
    }
}

fn code(bits: usize, codes: &[u8], lane: usize, k: usize) -> u8 {
    let (quad, place) = (k / 4, lane * 4 + k % 4);
    if bits == 8 {
        codes[quad * 64 + place]
    } else {
        (codes[quad / 2 * 64 + place] >> (quad % 2 * 4)) & 15
    }
}

fn factor(wide: bool, lane: usize, bytes: &[u8]) -> f32 {
    if wide {
        let at = lane * 4;
        f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    } else {
        f16::from_le_bytes([bytes[lane * 2], bytes[lane * 2 + 1]]).to_f32()
    }
}

fn float_row(float: FloatType, tile: &[u8], lane: usize, out: &mut [f32]) {
    let size = float.bytes();
    for (values, out) in tile.chunks_exact(size * LANES).zip(out) {
        let b = &values[lane * size..][..size];
        *out = match float {
            FloatType::F32 => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            FloatType::F16 => f16::from_le_bytes([b[0], b[1]]).to_f32(),
            FloatType::Bf16 => bf16::from_le_bytes([b[0], b[1]]).to_f32(),
        };
    }
}
