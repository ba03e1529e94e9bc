//! What the fuzz target and the property tests do with bytes: read all that a file offers.

use super::file::GgufFile;

/// Reads `bytes` as a file and, if they are one, every value and every tensor in it. Any bytes end
/// in an error or in a file whose tensors are as long as their shapes say.
///
/// # Panics
/// When a tensor's length does not follow from its shape: a fault of the reader.
pub fn exercise(bytes: &[u8]) {
    let Ok(file) = GgufFile::parse(bytes.to_vec()) else {
        return;
    };
    let metadata = file.metadata();
    for key in metadata.keys() {
        drop(metadata.get::<u32>(key));
        drop(metadata.get::<f32>(key));
        drop(metadata.get::<bool>(key));
        drop(metadata.get::<&str>(key));
        drop(metadata.get::<Vec<u32>>(key));
        drop(metadata.get::<Vec<f32>>(key));
        drop(metadata.get::<Vec<&str>>(key));
    }
    for tensor in file.tensors() {
        let (elements, size) = tensor.ggml_type.block();
        let total: usize = tensor.shape.iter().product();
        assert_eq!(tensor.bytes.len(), total / elements * size, "{tensor:?}");
    }
}
