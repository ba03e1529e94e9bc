//! Numbers that a cache on a device may hold.

use candle_core::{CpuStorage, DType, Error, Layout, Result, WithDType};
use half::{bf16, f16};

/// A float format of the cache.
pub(super) trait CacheNumber: WithDType {
    /// Rounds to the nearest number of the format that is finite; NaN stays NaN.
    fn narrow(value: f32) -> Self;

    /// Loses nothing.
    fn widen(self) -> f32;

    /// The values of a tensor of this format.
    fn values_mut(storage: &mut CpuStorage) -> Option<&mut [Self]>;
}

impl CacheNumber for f16 {
    fn narrow(value: f32) -> Self {
        Self::from_f32(value.clamp(Self::MIN.to_f32(), Self::MAX.to_f32()))
    }

    fn widen(self) -> f32 {
        self.to_f32()
    }

    fn values_mut(storage: &mut CpuStorage) -> Option<&mut [Self]> {
        if let CpuStorage::F16(values) = storage {
            return Some(values);
        }
        None
    }
}

impl CacheNumber for bf16 {
    fn narrow(value: f32) -> Self {
        Self::from_f32(value.clamp(Self::MIN.to_f32(), Self::MAX.to_f32()))
    }

    fn widen(self) -> f32 {
        self.to_f32()
    }

    fn values_mut(storage: &mut CpuStorage) -> Option<&mut [Self]> {
        if let CpuStorage::BF16(values) = storage {
            return Some(values);
        }
        None
    }
}

impl CacheNumber for f32 {
    fn narrow(value: f32) -> Self {
        value
    }

    fn widen(self) -> f32 {
        self
    }

    fn values_mut(storage: &mut CpuStorage) -> Option<&mut [Self]> {
        if let CpuStorage::F32(values) = storage {
            return Some(values);
        }
        None
    }
}

/// Runs `$body` with the type `$number` that `$dtype` names.
macro_rules! with_number {
    ($dtype:expr, $number:ident => $body:expr) => {{
        let dtype = $dtype;
        if dtype == candle_core::DType::F16 {
            type $number = half::f16;
            $body
        } else if dtype == candle_core::DType::BF16 {
            type $number = half::bf16;
            $body
        } else if dtype == candle_core::DType::F32 {
            type $number = f32;
            $body
        } else {
            Err($crate::kernels::device::number::not_a_cache_of(dtype))
        }
    }};
}
pub(super) use with_number;

/// No cache holds such numbers.
pub(super) fn not_a_cache_of(dtype: DType) -> Error {
    Error::Msg(format!(
        "a KV cache holds f16, bf16 or f32, but this one would hold {dtype:?}"
    ))
}

/// The part of `values` that a contiguous tensor takes up.
pub(super) fn contiguous<'a, T>(values: &'a [T], layout: &Layout, what: &str) -> Result<&'a [T]> {
    let part = layout
        .contiguous_offsets()
        .and_then(|(start, end)| values.get(start..end));
    part.ok_or_else(|| Error::Msg(format!("{what} must be contiguous, not {layout:?}")))
}
