//! The kernels' source, compiled for a device.

#[cfg(feature = "cuda")]
use candle_core::Error;
use candle_core::{DType, Device, Result};

#[cfg(feature = "cuda")]
use super::cuda::CudaProgram;

/// Compiled kernels for caches of one number format; nothing on the CPU.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    #[cfg(feature = "cuda")]
    cuda: Option<CudaProgram>,
}

impl Program {
    /// Compiles for `device`, for caches that hold `dtype`.
    ///
    /// # Errors
    /// When NVRTC refuses, with its log.
    #[cfg(feature = "cuda")]
    pub(crate) fn compile(device: &Device, dtype: DType) -> Result<Self> {
        let cuda = match device {
            Device::Cuda(_) => Some(CudaProgram::compile(dtype)?),
            Device::Cpu | Device::Metal(_) => None,
        };
        Ok(Self { cuda })
    }

    /// Nothing is compiled for a device that is not a GPU.
    ///
    /// # Errors
    /// None.
    #[cfg(not(feature = "cuda"))]
    #[expect(
        clippy::unnecessary_wraps,
        reason = "with the feature `cuda` it can fail"
    )]
    pub(crate) fn compile(_: &Device, _: DType) -> Result<Self> {
        Ok(Self {})
    }

    #[cfg(feature = "cuda")]
    pub(super) fn cuda(&self) -> Result<&CudaProgram> {
        let missing = || Error::Msg("the kernels were not compiled for a GPU".to_owned());
        self.cuda.as_ref().ok_or_else(missing)
    }
}
