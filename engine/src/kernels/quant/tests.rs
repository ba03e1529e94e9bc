//! The plain decoding against candle's.

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Shape};

use super::*;
use crate::kernels::KernelError;
use crate::kernels::tests::{Random, random_tensor};

fn ggml(format: Format) -> GgmlDType {
    match format {
        Format::F32 => GgmlDType::F32,
        Format::F16 => GgmlDType::F16,
        Format::Bf16 => GgmlDType::BF16,
        Format::Q4_0 => GgmlDType::Q4_0,
        Format::Q4_1 => GgmlDType::Q4_1,
        Format::Q5_0 => GgmlDType::Q5_0,
        Format::Q5_1 => GgmlDType::Q5_1,
        Format::Q8_0 => GgmlDType::Q8_0,
        Format::Q2K => GgmlDType::Q2K,
        Format::Q3K => GgmlDType::Q3K,
        Format::Q4K => GgmlDType::Q4K,
        Format::Q5K => GgmlDType::Q5K,
        Format::Q6K => GgmlDType::Q6K,
    }
}

#[test]
fn every_format_decodes_as_candle_does() {
    let random = &mut Random::new(11);
    for format in Format::ALL {
        let (rows, cols) = (8, 512);
        assert_eq!(format.block_len(), ggml(format).block_size(), "{format:?}");
        assert_eq!(format.block_bytes(), ggml(format).type_size(), "{format:?}");
        let bytes = random_tensor(random, format, rows, cols);
        let mut ours = vec![0.0; rows * cols];
        dequantise(format, &bytes, &mut ours).unwrap();
        let storage = QStorage::from_data(bytes.into(), &Device::Cpu, ggml(format)).unwrap();
        let tensor = QTensor::new(storage, Shape::from((rows, cols))).unwrap();
        let theirs = tensor
            .dequantize(&Device::Cpu)
            .unwrap()
            .flatten_all()
            .unwrap();
        let theirs: Vec<f32> = theirs.to_vec1().unwrap();
        for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let ulp = theirs.abs().max(1e-3) * f32::EPSILON;
            assert!(
                (ours - theirs).abs() <= ulp,
                "{format:?} {index}: {ours} and {theirs}"
            );
        }
    }
}

#[test]
fn lengths_are_proved() {
    let mut out = [0.0; 40];
    assert_eq!(
        dequantise(Format::Q8_0, &[0; 34], &mut out),
        Err(KernelError::NotWholeBlocks {
            format: "Q8_0",
            len: 40,
            block_len: 32
        })
    );
    assert_eq!(
        dequantise(Format::Q8_0, &[0; 33], &mut out[..32]),
        Err(KernelError::WrongLength {
            format: "Q8_0",
            values: 32,
            expected: 34,
            actual: 33
        })
    );
}
