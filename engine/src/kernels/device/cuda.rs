//! The kernels of `engine/cuda/paged.cu`: compiled by NVRTC, launched on candle's stream.

#![expect(
    unsafe_code,
    reason = "kernels are launched with pointers and sizes that they trust"
)]

use std::sync::Arc;

use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaView, DeviceRepr, LaunchConfig, PushKernelArg,
};
use candle_core::cuda_backend::cudarc::nvrtc::compile_ptx;
use candle_core::cuda_backend::{CudaDType, CudaDevice, WrapErr};
use candle_core::{CudaStorage, DType, Device, Error, Layout, Result, Storage, Tensor};

use super::attend::{PagedAttention, Sizes};
use super::number::{CacheNumber, not_a_cache_of};

/// The source, which includes nothing and has a `CACHE_` name to define.
const SOURCE: &str = include_str!("../../../cuda/paged.cu");
/// Threads of a block. No result depends on how many there are.
const THREADS: u32 = 128;
/// `TILE` of the source.
const TILE: usize = 32;
/// Shared memory that every block of threads may have, in floats.
const SHARED_FLOATS: usize = (48 << 10) / size_of::<f32>();

/// The GPU `ordinal`, with a stream of its own: a model is loaded on one thread and runs on
/// another, and candle's default stream is another one for each thread.
///
/// # Errors
/// When there is no such GPU, or no driver.
pub(crate) fn open_gpu(ordinal: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(ordinal)?;
    let gpu = device.as_cuda_device()?;
    // SAFETY: events order the uses of a tensor by several streams. Whatever is made on this device
    // is used on its one stream only, in the order of the calls: the device is not handed out.
    unsafe { gpu.disable_event_tracking() };
    Ok(device)
}

/// A tensor's storage and where it lies there.
type Input<'a> = (&'a CudaStorage, &'a Layout);

/// The kernels for caches of one number format, as PTX, which the driver translates for its GPU.
#[derive(Debug, Clone)]
pub(super) struct CudaProgram {
    /// Names the module in candle's device.
    module: &'static str,
    ptx: Arc<str>,
}

impl CudaProgram {
    /// Compiles for caches that hold `dtype`. No GPU is needed for this.
    pub(super) fn compile(dtype: DType) -> Result<Self> {
        let formats = [
            (DType::F16, "CACHE_F16", "penstock-paged-f16"),
            (DType::BF16, "CACHE_BF16", "penstock-paged-bf16"),
            (DType::F32, "CACHE_F32", "penstock-paged-f32"),
        ];
        let format = formats.iter().find(|(known, ..)| *known == dtype);
        let &(_, define, module) = format.ok_or_else(|| not_a_cache_of(dtype))?;
        let ptx = compile_ptx(format!("#define {define}\n{SOURCE}"));
        let ptx = ptx.map_err(|error| Error::Msg(format!("NVRTC refuses paged.cu: {error:?}")))?;
        Ok(Self {
            module,
            ptx: ptx.to_src().into(),
        })
    }

    /// `write_kv`: rows of `width` values into the cache.
    pub(super) fn write<T: CacheNumber + CudaDType + DeviceRepr>(
        &self,
        cache: &mut CudaStorage,
        rows: Input<'_>,
        slots: Input<'_>,
        width: usize,
    ) -> Result<()> {
        let device = cache.device.clone();
        let (rows, slots) = (view::<f32>(rows)?, view::<u32>(slots)?);
        if rows.len() != slots.len() * width {
            let fault = format!("{} values for {} slots of {width}", rows.len(), slots.len());
            return Err(Error::Msg(fault));
        }
        let grid = (number(slots.len())?, 1, 1);
        let width = number(width)?;
        let cache = cache.as_cuda_slice_mut::<T>()?;
        let function = device.get_or_load_custom_func("write_kv", self.module, &self.ptx)?;
        let mut launch = function.builder();
        launch.arg(cache).arg(&rows).arg(&slots).arg(&width);
        // SAFETY: the arguments are the kernel's parameters in order and type; a row has `width`
        // values (proved above), and slots lie within the cache, because blocks of plans do.
        unsafe { launch.launch(config(grid, 0)) }.w()?;
        Ok(())
    }

    /// `paged_attention`, for inputs that fit `sizes`.
    pub(super) fn attend<T: CacheNumber + CudaDType + DeviceRepr>(
        &self,
        call: &PagedAttention<'_>,
        sizes: Sizes,
        [queries, keys, values]: [Input<'_>; 3],
    ) -> Result<CudaStorage> {
        let device = queries.0.device.clone();
        let together = heads_together(sizes);
        let parts = sizes.group.div_ceil(together);
        let grid = (number(sizes.rows)?, number(sizes.kv_heads)?, number(parts)?);
        let shared = number(floats(sizes, together) * size_of::<f32>())?;
        let queries = view::<f32>(queries)?;
        let (keys, values) = (view::<T>(keys)?, view::<T>(values)?);
        let mut out = output(&device, queries.len())?;
        let [table_width, group, together, head_dim] =
            [sizes.table_width, sizes.group, together, sizes.head_dim].map(number);
        let (table_width, group, together, head_dim) = (table_width?, group?, together?, head_dim?);

        let function = device.get_or_load_custom_func("paged_attention", self.module, &self.ptx)?;
        with_u32(&call.rows.positions, |positions| {
            with_u32(&call.rows.sequences, |sequences| {
                with_u32(&call.rows.tables, |tables| {
                    let mut launch = function.builder();
                    launch.arg(&mut out).arg(&queries).arg(&keys).arg(&values);
                    launch.arg(positions).arg(sequences).arg(tables);
                    launch.arg(&table_width).arg(&group).arg(&together);
                    launch.arg(&head_dim).arg(&call.window).arg(&call.scale);
                    // SAFETY: the arguments are the kernel's parameters in order and type; their
                    // sizes were proved (`sizes`), and block tables hold blocks of the cache,
                    // because plans do.
                    unsafe { launch.launch(config(grid, shared)) }.w()?;
                    Ok(())
                })
            })
        })?;
        Ok(CudaStorage::wrap_cuda_slice(out, device))
    }
}

/// Query heads of a KV head that one block of threads computes: as many as its memory holds.
fn heads_together(sizes: Sizes) -> usize {
    (SHARED_FLOATS / floats(sizes, 1)).clamp(1, sizes.group)
}

/// Shared memory of a block of threads.
fn floats(sizes: Sizes, heads: usize) -> usize {
    heads * (2 * sizes.head_dim + TILE + 3)
}

fn config(grid_dim: (u32, u32, u32), shared_mem_bytes: u32) -> LaunchConfig {
    LaunchConfig {
        grid_dim,
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes,
    }
}

fn output(device: &CudaDevice, len: usize) -> Result<CudaSlice<f32>> {
    // SAFETY: the kernel writes every value before anybody reads one: rows without a position, too.
    unsafe { device.alloc::<f32>(len) }
}

/// The values of a contiguous tensor.
fn view<'a, T: CudaDType>((storage, layout): Input<'a>) -> Result<CudaView<'a, T>> {
    let (start, end) = layout.contiguous_offsets().ok_or_else(|| {
        Error::Msg(format!(
            "a kernel's input must be contiguous, not {layout:?}"
        ))
    })?;
    Ok(storage.as_cuda_slice::<T>()?.slice(start..end))
}

/// Calls `body` with the values of a tensor of `u32`.
fn with_u32(tensor: &Tensor, body: impl FnOnce(&CudaView<'_, u32>) -> Result<()>) -> Result<()> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cuda(storage) => body(&view::<u32>((storage, layout))?),
        Storage::Cpu(_) | Storage::Metal(_) => {
            let fault = format!("a kernel's input lies on {:?}", tensor.device());
            Err(Error::Msg(fault))
        }
    }
}

/// A size as the kernels take it.
fn number(size: usize) -> Result<u32> {
    let large = || Error::Msg(format!("{size} is too much for a kernel"));
    u32::try_from(size).map_err(|_| large())
}
