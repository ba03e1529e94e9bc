//! A matrix on a device, as its file stores it.

use std::borrow::Cow;
use std::fmt;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{DType, Device, Result as CandleResult, Tensor};

use crate::kernels::{Format, KernelError, TensorBytes};
use crate::model::ModelError;

/// Rows of every product. Few enough that a lone decode wastes little, since a GPU multiplies as
/// many rows in the time in which it reads the weights; enough that a long prompt is not many small
/// products.
pub(super) const TILE_ROWS: usize = 32;

/// `[row][column]`, quantised or of floats.
pub(super) enum Matrix {
    Quantised(Box<QTensor>),
    Float(Tensor),
}

impl Matrix {
    /// Copies a tensor to the device.
    pub(super) fn load(tensor: &TensorBytes<'_>, device: &Device) -> Result<Self, ModelError> {
        let &TensorBytes {
            format,
            rows,
            cols,
            bytes,
        } = tensor;
        let expected = format.tensor_bytes(rows, cols)?;
        if bytes.len() != expected {
            return Err(ModelError::Kernel(KernelError::WrongLength {
                format: format.name(),
                values: rows * cols,
                expected,
                actual: bytes.len(),
            }));
        }
        Ok(match stored(format) {
            Stored::Float(dtype) => Self::Float(Tensor::from_raw_buffer(
                bytes,
                dtype,
                &[rows, cols],
                device,
            )?),
            Stored::Quantised(dtype) => {
                let read = |bytes: &[u8]| QStorage::from_data(Cow::Borrowed(bytes), device, dtype);
                let storage = aligned(bytes, read)?;
                Self::Quantised(Box::new(QTensor::new(storage, (rows, cols))?))
            }
        })
    }

    /// `x * self^T` in f32, for whole tiles of rows.
    pub(super) fn product(&self, x: &Tensor) -> CandleResult<Tensor> {
        let (rows, _) = x.dims2()?;
        debug_assert!(rows.is_multiple_of(TILE_ROWS), "{rows} rows");
        if rows == TILE_ROWS {
            return self.tile(x);
        }
        let tiles = (0..rows / TILE_ROWS)
            .map(|tile| self.tile(&x.narrow(0, tile * TILE_ROWS, TILE_ROWS)?))
            .collect::<CandleResult<Vec<_>>>()?;
        Tensor::cat(&tiles, 0)
    }

    /// The rows of `ids`, in f32.
    pub(super) fn rows(&self, ids: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Quantised(tensor) => tensor.embedding(ids),
            Self::Float(tensor) => tensor.index_select(ids, 0)?.to_dtype(DType::F32),
        }
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Quantised(tensor) => tensor.storage_size_in_bytes(),
            Self::Float(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
        }
    }

    fn tile(&self, x: &Tensor) -> CandleResult<Tensor> {
        let weight = match self {
            Self::Quantised(tensor) => return x.apply_op1_no_bwd(tensor.as_ref()),
            Self::Float(tensor) => tensor,
        };
        // Beyond its range a half is infinite, and infinity is not a number after the next product.
        let x = match weight.dtype() == DType::F16 {
            true => &x.clamp(-F16_LARGEST, F16_LARGEST)?,
            false => x,
        };
        let x = x.to_dtype(weight.dtype())?;
        x.matmul(&weight.t()?)?.to_dtype(DType::F32)
    }
}

const F16_LARGEST: f32 = 65_504.0;

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantised(tensor) => write!(f, "{:?} {:?}", tensor.dtype(), tensor.shape()),
            Self::Float(tensor) => write!(f, "{:?} {:?}", tensor.dtype(), tensor.shape()),
        }
    }
}

enum Stored {
    Float(DType),
    Quantised(GgmlDType),
}

fn stored(format: Format) -> Stored {
    match format {
        Format::F32 => Stored::Float(DType::F32),
        Format::F16 => Stored::Float(DType::F16),
        Format::Bf16 => Stored::Float(DType::BF16),
        Format::Q4_0 => Stored::Quantised(GgmlDType::Q4_0),
        Format::Q4_1 => Stored::Quantised(GgmlDType::Q4_1),
        Format::Q5_0 => Stored::Quantised(GgmlDType::Q5_0),
        Format::Q5_1 => Stored::Quantised(GgmlDType::Q5_1),
        Format::Q8_0 => Stored::Quantised(GgmlDType::Q8_0),
        Format::Q2K => Stored::Quantised(GgmlDType::Q2K),
        Format::Q3K => Stored::Quantised(GgmlDType::Q3K),
        Format::Q4K => Stored::Quantised(GgmlDType::Q4K),
        Format::Q5K => Stored::Quantised(GgmlDType::Q5K),
        Format::Q6K => Stored::Quantised(GgmlDType::Q6K),
    }
}

/// Calls `read` with the bytes at an even address: candle reads them as blocks of halves, and
/// panics where they are not. Files align their tensors, but nobody makes them.
fn aligned<T>(bytes: &[u8], read: impl FnOnce(&[u8]) -> T) -> T {
    if bytes.as_ptr().addr().is_multiple_of(align_of::<u16>()) {
        return read(bytes);
    }
    let mut copy = vec![0_u16; bytes.len().div_ceil(2)];
    let copy = &mut bytemuck::cast_slice_mut::<_, u8>(&mut copy)[..bytes.len()];
    copy.copy_from_slice(bytes);
    read(copy)
}
