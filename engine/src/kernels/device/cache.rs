//! One layer's keys and values on a device.

use bytemuck::Pod;
use candle_core::{D, DType, Device, Error, Result, Tensor, WithDType};

use super::attend::PagedAttention;
use super::number::with_number;
use super::program::Program;
use super::write::WriteKv;
use crate::{BLOCK_SIZE, BlockId};

/// The position and the slot of a row that fills a step up: it writes nothing and sees nothing.
pub(crate) const NONE: u32 = u32::MAX;

/// Keys and values of one layer, each `[block][position in block][KV head][value]`.
#[derive(Debug)]
pub(crate) struct DeviceKv {
    keys: Tensor,
    values: Tensor,
    window: Option<u32>,
    program: Program,
}

/// What each row of a step is to the cache, as tensors of `u32` on its device.
#[derive(Debug)]
pub(crate) struct PagedRows {
    /// `[row]`: its position, or [`NONE`].
    pub(crate) positions: Tensor,
    /// `[row]`: block times [`BLOCK_SIZE`] plus position in the block, or [`NONE`].
    pub(crate) slots: Tensor,
    /// `[row]`: which of `tables` is its sequence's.
    pub(crate) sequences: Tensor,
    /// `[sequence][block]`: block ids in order of position.
    pub(crate) tables: Tensor,
}

impl DeviceKv {
    /// Empty blocks. A query at position p sees positions `p + 1 - window` to p, or all up to its
    /// own.
    ///
    /// # Errors
    /// When the device has not so much memory.
    pub(crate) fn new(
        shape: (usize, usize, usize),
        window: Option<usize>,
        dtype: DType,
        device: &Device,
        program: &Program,
    ) -> Result<Self> {
        let (num_blocks, kv_heads, head_dim) = shape;
        let zeros = || Tensor::zeros((num_blocks, BLOCK_SIZE, kv_heads, head_dim), dtype, device);
        Ok(Self {
            keys: zeros()?,
            values: zeros()?,
            window: window.map(|window| u32::try_from(window).unwrap_or(u32::MAX)),
            program: program.clone(),
        })
    }

    /// Bytes of one block of such a layer, keys and values.
    pub(crate) fn bytes_per_block(kv_heads: usize, head_dim: usize, dtype: DType) -> usize {
        2 * dtype.size_in_bytes() * kv_heads * head_dim * BLOCK_SIZE
    }

    /// Bytes of one block's keys and values.
    pub(crate) fn block_bytes(&self) -> usize {
        self.bytes().checked_div(self.num_blocks()).unwrap_or(0)
    }

    /// Bytes of all blocks.
    pub(crate) fn bytes(&self) -> usize {
        2 * self.keys.elem_count() * self.keys.dtype().size_in_bytes()
    }

    /// Stores rows of keys and of values, `[row][KV head][value]` in f32, at the rows' slots.
    pub(crate) fn write(&self, keys: &Tensor, values: &Tensor, rows: &PagedRows) -> Result<()> {
        let write = WriteKv {
            program: &self.program,
        };
        self.keys.inplace_op3(keys, &rows.slots, &write)?;
        self.values.inplace_op3(values, &rows.slots, &write)
    }

    /// Attention of `queries`, `[row][head][value]` in f32, over what their sequences have written;
    /// head h reads KV head `h / (heads / kv_heads)`. Rows without a position become zeros.
    pub(crate) fn attend(&self, queries: &Tensor, rows: &PagedRows, scale: f32) -> Result<Tensor> {
        let attention = PagedAttention {
            rows,
            scale,
            window: self.window.unwrap_or(u32::MAX),
            program: &self.program,
        };
        queries.apply_op3_no_bwd(&self.keys, &self.values, &attention)
    }

    /// Copies a block out: keys, then values.
    pub(crate) fn read_block(&self, block: BlockId, to: &mut [u8]) -> Result<()> {
        let (keys, values) = to.split_at_mut(to.len() / 2);
        read(&self.keys, block, keys)?;
        read(&self.values, block, values)
    }

    /// Puts back what [`read_block`](Self::read_block) gave.
    pub(crate) fn write_block(&self, block: BlockId, from: &[u8]) -> Result<()> {
        let (keys, values) = from.split_at(from.len() / 2);
        for (tensor, bytes) in [(&self.keys, keys), (&self.values, values)] {
            let mut shape = tensor.dims().to_vec();
            shape[0] = 1;
            let part = Tensor::from_raw_buffer(bytes, tensor.dtype(), &shape, tensor.device())?;
            tensor.slice_set(&part, 0, block.0 as usize)?;
        }
        Ok(())
    }

    fn num_blocks(&self) -> usize {
        self.keys.dims().first().copied().unwrap_or(0)
    }
}

fn read(tensor: &Tensor, block: BlockId, to: &mut [u8]) -> Result<()> {
    with_number!(tensor.dtype(), Number => bytes::<Number>(tensor, block, to))
}

fn bytes<T: WithDType + Pod>(tensor: &Tensor, block: BlockId, to: &mut [u8]) -> Result<()> {
    let block = tensor.narrow(0, block.0 as usize, 1)?;
    let values = block.flatten(0, D::Minus1)?.to_vec1::<T>()?;
    let bytes = bytemuck::cast_slice(&values);
    if bytes.len() != to.len() {
        let fault = format!("a block has {} bytes, not {}", bytes.len(), to.len());
        return Err(Error::Msg(fault));
    }
    to.copy_from_slice(bytes);
    Ok(())
}
