//! New keys or values into the cache, by slot.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, Error, InplaceOp3, Layout, Result};

use super::cache::NONE;
use super::number::{CacheNumber, contiguous, with_number};
use super::program::Program;
use crate::BLOCK_SIZE;

/// Writes rows (the second tensor, f32) into the cache (the first) at slots (the third).
pub(super) struct WriteKv<'a> {
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the GPU's"))]
    pub(super) program: &'a Program,
}

impl InplaceOp3 for WriteKv<'_> {
    fn name(&self) -> &'static str {
        "write-kv"
    }

    fn cpu_fwd(
        &self,
        cache: &mut CpuStorage,
        cache_layout: &Layout,
        rows: &CpuStorage,
        rows_layout: &Layout,
        slots: &CpuStorage,
        slots_layout: &Layout,
    ) -> Result<()> {
        let width = width(cache_layout)?;
        let rows = contiguous(rows.as_slice::<f32>()?, rows_layout, "rows")?;
        let slots = contiguous(slots.as_slice::<u32>()?, slots_layout, "slots")?;
        let whole =
            cache_layout.contiguous_offsets() == Some((0, cache_layout.shape().elem_count()));
        if !whole || rows.len() != slots.len() * width {
            let fault = format!("{} values for {} slots of {width}", rows.len(), slots.len());
            return Err(Error::Msg(fault));
        }
        with_number!(cache.dtype(), Number => write::<Number>(cache, rows, slots, width))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        cache: &mut CudaStorage,
        cache_layout: &Layout,
        rows: &CudaStorage,
        rows_layout: &Layout,
        slots: &CudaStorage,
        slots_layout: &Layout,
    ) -> Result<()> {
        let (rows, slots) = ((rows, rows_layout), (slots, slots_layout));
        let width = width(cache_layout)?;
        let program = self.program.cuda()?;
        with_number!(cache.dtype(), Number => program.write::<Number>(cache, rows, slots, width))
    }
}

/// Values of a position.
fn width(cache: &Layout) -> Result<usize> {
    let (_, block_size, kv_heads, head_dim) = cache.shape().dims4()?;
    debug_assert_eq!(block_size, BLOCK_SIZE);
    Ok(kv_heads * head_dim)
}

fn write<T: CacheNumber>(
    cache: &mut CpuStorage,
    rows: &[f32],
    slots: &[u32],
    width: usize,
) -> Result<()> {
    let cache = T::values_mut(cache).unwrap_or_default();
    for (row, &slot) in rows.chunks_exact(width).zip(slots) {
        if slot == NONE {
            continue;
        }
        let at = slot as usize * width;
        let Some(to) = cache.get_mut(at..at + width) else {
            return Err(Error::Msg(format!("slot {slot} does not exist")));
        };
        for (to, &value) in to.iter_mut().zip(row) {
            *to = T::narrow(value);
        }
    }
    Ok(())
}
