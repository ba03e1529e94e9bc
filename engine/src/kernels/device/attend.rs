//! Attention over the cache, by block tables.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, WithDType};

use super::cache::{NONE, PagedRows};
use super::number::{CacheNumber, contiguous, with_number};
use super::program::Program;
use crate::BLOCK_SIZE;

/// Attention of queries (the first tensor) over keys (the second) and values (the third).
pub(super) struct PagedAttention<'a> {
    pub(super) rows: &'a PagedRows,
    pub(super) scale: f32,
    /// Positions that a query sees at most.
    pub(super) window: u32,
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the GPU's"))]
    pub(super) program: &'a Program,
}

/// Sizes of a call, proved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) rows: usize,
    pub(super) kv_heads: usize,
    /// Query heads that share a KV head.
    pub(super) group: usize,
    pub(super) head_dim: usize,
    /// Blocks of the longest sequence.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the GPU's"))]
    pub(super) table_width: usize,
}

impl CustomOp3 for PagedAttention<'_> {
    fn name(&self) -> &'static str {
        "paged-attention"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_layout: &Layout,
        keys: &CpuStorage,
        keys_layout: &Layout,
        values: &CpuStorage,
        values_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = self.sizes(queries_layout, keys_layout, values_layout)?;
        let q = contiguous(queries.as_slice::<f32>()?, queries_layout, "queries")?;
        let out = with_number!(keys.dtype(), Number => {
            let keys = contiguous(keys.as_slice::<Number>()?, keys_layout, "keys")?;
            let values = contiguous(values.as_slice::<Number>()?, values_layout, "values")?;
            self.attend(sizes, q, keys, values)
        })?;
        Ok((
            f32::to_cpu_storage_owned(out),
            queries_layout.shape().clone(),
        ))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        queries: &CudaStorage,
        queries_layout: &Layout,
        keys: &CudaStorage,
        keys_layout: &Layout,
        values: &CudaStorage,
        values_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let sizes = self.sizes(queries_layout, keys_layout, values_layout)?;
        let program = self.program.cuda()?;
        let inputs = [
            (queries, queries_layout),
            (keys, keys_layout),
            (values, values_layout),
        ];
        let out =
            with_number!(keys.dtype(), Number => program.attend::<Number>(self, sizes, inputs))?;
        Ok((out, queries_layout.shape().clone()))
    }
}

impl PagedAttention<'_> {
    fn sizes(&self, queries: &Layout, keys: &Layout, values: &Layout) -> Result<Sizes> {
        let (rows, heads, head_dim) = queries.shape().dims3()?;
        let (_, block_size, kv_heads, cached_dim) = keys.shape().dims4()?;
        let (_, table_width) = self.rows.tables.dims2()?;
        let sound = block_size == BLOCK_SIZE
            && cached_dim == head_dim
            && values.shape() == keys.shape()
            && kv_heads > 0
            && heads.is_multiple_of(kv_heads)
            && self.rows.positions.dims1()? == rows
            && self.rows.sequences.dims1()? == rows;
        if !sound {
            let fault =
                format!("queries of {queries:?} do not fit keys of {keys:?} for {rows} rows");
            return Err(Error::Msg(fault));
        }
        Ok(Sizes {
            rows,
            kv_heads,
            group: heads / kv_heads,
            head_dim,
            table_width,
        })
    }

    /// Row by row and head by head: all scores, their softmax, the weighted sum of values.
    fn attend<T: CacheNumber>(
        &self,
        sizes: Sizes,
        q: &[f32],
        keys: &[T],
        values: &[T],
    ) -> Result<Vec<f32>> {
        let Sizes {
            rows,
            kv_heads,
            group,
            head_dim,
            ..
        } = sizes;
        let positions = self.rows.positions.to_vec1::<u32>()?;
        let sequences = self.rows.sequences.to_vec1::<u32>()?;
        let tables = self.rows.tables.to_vec2::<u32>()?;
        let heads = kv_heads * group;
        let mut out = vec![0.0; rows * heads * head_dim];
        let mut scores = Vec::new();
        for (row, (&position, &sequence)) in positions.iter().zip(&sequences).enumerate() {
            if position == NONE {
                continue;
            }
            let table = tables.get(sequence as usize).map_or(&[][..], Vec::as_slice);
            let starts = (position.saturating_sub(self.window - 1)..=position)
                .map(|p| {
                    let block = table.get(p as usize / BLOCK_SIZE)?;
                    let slot = *block as usize * BLOCK_SIZE + p as usize % BLOCK_SIZE;
                    Some(slot * kv_heads * head_dim)
                })
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| {
                    Error::Msg(format!("position {position} is beyond its block table"))
                })?;
            for head in 0..heads {
                let at = (row * heads + head) * head_dim;
                let (q, out) = (&q[at..at + head_dim], &mut out[at..at + head_dim]);
                let part = |start: usize| start + head / group * head_dim;
                scores.clear();
                scores.extend(starts.iter().map(|&start| {
                    let key = &keys[part(start)..][..head_dim];
                    let products = q.iter().zip(key).map(|(q, k)| q * k.widen());
                    products.sum::<f32>() * self.scale
                }));
                softmax(&mut scores);
                for (&start, &weight) in starts.iter().zip(&scores) {
                    let value = &values[part(start)..][..head_dim];
                    for (out, value) in out.iter_mut().zip(value) {
                        *out += weight * value.widen();
                    }
                }
            }
        }
        Ok(out)
    }
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in &mut *scores {
        *score = (*score - largest).exp();
    }
    let total: f32 = scores.iter().sum();
    for score in scores {
        *score /= total;
    }
}
