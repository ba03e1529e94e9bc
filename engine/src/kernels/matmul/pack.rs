//! From a file's blocks to tiles.

#![expect(unsafe_code, reason = "tiles are written by several threads")]

use half::f16;

use super::packed::{FloatType, GroupLayout, Layout, Line, Segment, TensorBytes};
use crate::kernels::disjoint::Disjoint;
use crate::kernels::quant::{Grouping, unpack_block};
use crate::kernels::ready::SegmentKey;
use crate::kernels::simd::{Kernel, LANES, Simd};
use crate::kernels::{Format, KernelError, Kernels};

/// Packs one part, proved before; its first row becomes output `first_row`.
pub(super) fn segment(
    kernels: &Kernels,
    part: &TensorBytes<'_>,
    first_row: usize,
) -> Result<Segment, KernelError> {
    let layout = layout(part);
    let tile_lines = match layout {
        Layout::Quantised(group) => part.cols / group.group_len * group.bytes(),
        Layout::Float(float) => part.cols * LANES * float.bytes(),
    }
    .div_ceil(size_of::<Line>());
    let tiles = part.rows.div_ceil(LANES);
    let lines = tiles
        .checked_mul(tile_lines)
        .filter(|lines| *lines <= MOST_LINES)
        .ok_or_else(|| KernelError::TooLarge {
            format: part.format.name(),
            rows: part.rows,
            cols: part.cols,
        })?;
    let key = SegmentKey::of(part);
    if let Some(data) = kernels.ready.take(key, lines)? {
        return Ok(Segment {
            first_row,
            rows: part.rows,
            layout,
            tile_lines,
            data,
        });
    }
    let mut data = kernels.arena.lock().zeroed::<Line>(lines);
    let out = Disjoint::new(&mut data);
    kernels.run_items(tiles, 1, |start, len| PackTiles {
        part,
        layout,
        tiles: start..start + len,
        tile_lines,
        out: &out,
    });
    let data = data.freeze();
    kernels.ready.note(key, &data);
    Ok(Segment {
        first_row,
        rows: part.rows,
        layout,
        tile_lines,
        data,
    })
}

/// Lines whose bytes a `Vec` can hold.
const MOST_LINES: usize = isize::MAX.cast_unsigned() / size_of::<Line>();

fn layout(part: &TensorBytes<'_>) -> Layout {
    let float = match Grouping::of(part.format) {
        Some(Grouping {
            group_len,
            bits,
            zero,
        }) => {
            let mut layout = GroupLayout {
                group_len,
                bits,
                zero,
                wide_scales: false,
            };
            layout.wide_scales = needs_wide_scales(part);
            return Layout::Quantised(layout);
        }
        None if part.format == Format::F32 => FloatType::F32,
        None if part.format == Format::F16 => FloatType::F16,
        None => FloatType::Bf16,
    };
    Layout::Float(float)
}

/// The formats of 32 store their scales as f16; the K formats' scales are products of an f16 and
/// an integer, which f16 cannot hold.
fn needs_wide_scales(part: &TensorBytes<'_>) -> bool {
    part.format.block_len() > 32
}

struct PackTiles<'a> {
    part: &'a TensorBytes<'a>,
    layout: Layout,
    tiles: std::ops::Range<usize>,
    tile_lines: usize,
    out: &'a Disjoint<'a, Line>,
}

impl Kernel for PackTiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for tile in self.tiles.clone() {
            // SAFETY: each tile is in one chunk and has lines of its own.
            let lines = unsafe { self.out.part(tile * self.tile_lines, self.tile_lines) };
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(lines);
            let rows = LANES.min(self.part.rows - tile * LANES);
            for lane in 0..rows {
                let row_bytes = self.part.bytes.len() / self.part.rows;
                let row = &self.part.bytes[(tile * LANES + lane) * row_bytes..][..row_bytes];
                match self.layout {
                    Layout::Quantised(group) => {
                        pack_quantised(self.part.format, group, row, lane, bytes);
                    }
                    Layout::Float(float) => pack_float(float.bytes(), row, lane, bytes),
                }
            }
        }
    }
}

fn pack_float(size: usize, row: &[u8], lane: usize, tile: &mut [u8]) {
    for (values, value) in tile
        .chunks_exact_mut(size * LANES)
        .zip(row.chunks_exact(size))
    {
        values[lane * size..][..size].copy_from_slice(value);
    }
}

fn pack_quantised(format: Format, layout: GroupLayout, row: &[u8], lane: usize, tile: &mut [u8]) {
    let groups_per_block = format.block_len() / layout.group_len;
    let mut codes = [0; 256];
    let codes = &mut codes[..format.block_len()];
    let (mut scales, mut offsets) = ([0.0; 16], [0.0; 16]);
    let scales = &mut scales[..groups_per_block];
    let offsets = &mut offsets[..groups_per_block];
    let blocks = row.chunks_exact(format.block_bytes());
    for (block, groups) in blocks.zip(tile.chunks_exact_mut(layout.bytes() * groups_per_block)) {
        unpack_block(format, block, codes, scales, offsets);
        let groups = groups.chunks_exact_mut(layout.bytes());
        for (index, group) in groups.enumerate() {
            let (code_bytes, factors) = group.split_at_mut(layout.code_bytes());
            let codes = &codes[index * layout.group_len..][..layout.group_len];
            pack_codes(layout.bits, codes, lane, code_bytes);
            let (scale_bytes, offset_bytes) = factors.split_at_mut(layout.scale_bytes());
            pack_factor(layout.wide_scales, scales[index], lane, scale_bytes);
            if layout.zero.is_none() {
                pack_factor(layout.wide_scales, offsets[index], lane, offset_bytes);
            }
        }
    }
}

fn pack_codes(bits: usize, codes: &[u8], lane: usize, bytes: &mut [u8]) {
    let (lines, _) = bytes.as_chunks_mut::<{ LANES * 4 }>();
    let (quads, _) = codes.as_chunks::<4>();
    if bits == 8 {
        for (line, quad) in lines.iter_mut().zip(quads) {
            line[lane * 4..][..4].copy_from_slice(quad);
        }
        return;
    }
    let (pairs, _) = quads.as_chunks::<2>();
    for (line, [low, high]) in lines.iter_mut().zip(pairs) {
        let both = u32::from_le_bytes(*low) | u32::from_le_bytes(*high) << 4;
        line[lane * 4..][..4].copy_from_slice(&both.to_le_bytes());
    }
}

fn pack_factor(wide: bool, value: f32, lane: usize, bytes: &mut [u8]) {
    if wide {
        bytes[lane * 4..][..4].copy_from_slice(&value.to_le_bytes());
    } else {
        bytes[lane * 2..][..2].copy_from_slice(&f16::from_f32(value).to_le_bytes());
    }
}
