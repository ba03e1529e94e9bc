//! Safetensors files that are broken, and folders whose index lies. Right ones are tested against
//! candle, which reads the same files.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use super::{LayerTensor, SafetensorsShards, TensorName};
use crate::kernels::Format;

const UP: TensorName = TensorName::Layer(3, LayerTensor::Up);
const UP_NAME: &str = "model.layers.3.mlp.up_proj.weight";

/// A file with one tensor of 2 rows and 3 columns.
fn file(name: &str, dtype: Dtype) -> Vec<u8> {
    let data = vec![0; 6 * dtype.bitsize() / 8];
    let tensor = TensorView::new(dtype, vec![2, 3], &data).unwrap();
    safetensors::serialize([(name, tensor)], None).unwrap()
}

/// The error for these bytes, without the file's name.
fn fails(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    fs::write(&path, bytes).unwrap();
    let result = SafetensorsShards::open(&path).and_then(|shards| {
        shards.tensor(UP, &[2, 3])?;
        Ok(())
    });
    without_path(&result.unwrap_err().to_string(), &path)
}

fn without_path(message: &str, path: &Path) -> String {
    let prefix = format!("{path:?}: ");
    message
        .strip_prefix(&prefix)
        .unwrap_or_else(|| panic!("no path in {message}"))
        .to_owned()
}

#[test]
fn tensors_are_views_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    fs::write(&path, file(UP_NAME, Dtype::BF16)).unwrap();
    let shards = SafetensorsShards::open(&path).unwrap();
    let tensor = shards.tensor(UP, &[2, 3]).unwrap();
    assert_eq!(
        (tensor.format, tensor.rows, tensor.cols),
        (Format::Bf16, 2, 3)
    );
    assert_eq!(tensor.bytes.len(), 12);
    assert_eq!(shards.totals(), (6, 12));
}

#[test]
fn broken_files_say_what_is_wrong() {
    let whole = file(UP_NAME, Dtype::F32);
    assert_eq!(
        fails(b"abc"),
        "not a sound safetensors file: the file has 3 bytes"
    );
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap());
    assert_eq!(
        fails(&whole[..20]),
        format!(
            "not a sound safetensors file: truncated: a header of {header} bytes is announced, but \
             12 bytes follow"
        )
    );
    assert_eq!(
        fails(&whole[..whole.len() - 5]),
        "not a sound safetensors file: truncated or corrupt: 24 bytes of data are announced, but 19 \
         follow"
    );
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(
        fails(&huge),
        "not a sound safetensors file: a header of 18446744073709551615 bytes is announced; at most \
         100000000 are possible"
    );
    let mut garbled = whole.clone();
    garbled[8] = b'[';
    assert!(fails(&garbled).starts_with("not a sound safetensors file: its header: "));
}

#[test]
fn offsets_that_overflow_are_refused() {
    let tensor = |start: u64, end: u64| json!({"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]});
    let third = 1_u64 << 60;
    let mut tensors = serde_json::Map::new();
    for i in 0..15 {
        tensors.insert(format!("t{i}"), tensor(i * third, (i + 1) * third));
    }
    tensors.insert("last".into(), tensor(15 * third, u64::MAX - 7));
    let header = serde_json::Value::Object(tensors).to_string();
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    assert_eq!(
        fails(&bytes),
        "not a sound safetensors file: truncated or corrupt: 18446744073709551608 bytes of data are \
         announced, but 0 follow"
    );
}

#[test]
fn wrong_tensors_are_named() {
    assert_eq!(
        fails(&file("other", Dtype::F32)),
        format!("tensor {UP_NAME:?} is missing")
    );
    assert_eq!(
        fails(&file(UP_NAME, Dtype::F8_E4M3)),
        format!(
            "tensor {UP_NAME:?} is stored as F8_E4M3, which is not supported; supported are F32, \
             F16, BF16"
        )
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    fs::write(&path, file(UP_NAME, Dtype::F32)).unwrap();
    let shards = SafetensorsShards::open(&path).unwrap();
    let error = shards.tensor(UP, &[3, 2]).unwrap_err().to_string();
    assert_eq!(
        without_path(&error, &path),
        format!("tensor {UP_NAME:?} must have shape [3, 2], but has [2, 3]")
    );
}

#[test]
fn an_index_that_lies_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("model.safetensors.index.json");
    fs::write(dir.path().join("a.safetensors"), file("other", Dtype::F32)).unwrap();
    fs::write(
        dir.path().join("..b.safetensors"),
        file(UP_NAME, Dtype::F32),
    )
    .unwrap();
    let opened = |file: &str| {
        let text = json!({"weight_map": {UP_NAME: file}}).to_string();
        fs::write(&index, text).unwrap();
        SafetensorsShards::open_indexed(&index)
    };
    assert!(
        opened("..b.safetensors")
            .unwrap()
            .tensor(UP, &[2, 3])
            .is_ok()
    );

    for elsewhere in [
        "../a.safetensors",
        "/etc/passwd",
        "x/a.safetensors",
        "..",
        ".",
        "",
        "a/",
    ] {
        assert_eq!(
            without_path(&opened(elsewhere).unwrap_err().to_string(), &index),
            format!(
                "not a sound safetensors file: the index names {elsewhere:?}, which is not a file \
                 beside it"
            )
        );
    }
    let missing = opened("c.safetensors").unwrap_err().to_string();
    let path = dir.path().join("c.safetensors");
    assert!(
        without_path(&missing, &path).starts_with("cannot read it: No such file"),
        "{missing}"
    );

    let lacks = opened("a.safetensors")
        .unwrap()
        .tensor(UP, &[2, 3])
        .unwrap_err()
        .to_string();
    let path = dir.path().join("a.safetensors");
    assert_eq!(
        without_path(&lacks, &path),
        format!("tensor {UP_NAME:?} is missing")
    );

    fs::write(&index, "{").unwrap();
    let broken = SafetensorsShards::open_indexed(&index)
        .unwrap_err()
        .to_string();
    assert!(
        broken.contains("not a sound safetensors file: its index: EOF"),
        "{broken}"
    );
}

#[test]
fn no_flipped_byte_or_cut_panics() {
    let whole = file(UP_NAME, Dtype::F32);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let try_all = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        if let Ok(shards) = SafetensorsShards::open(&path) {
            drop(shards.tensor(UP, &[2, 3]));
            let (values, bytes) = shards.totals();
            assert!(values <= 24 && bytes <= 24);
        }
    };
    for index in 0..whole.len() {
        try_all(&whole[..index]);
        for flip in [0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[index] ^= flip;
            try_all(&bytes);
        }
    }
}
