//! Tensors of a file: their types and descriptions.

use super::cursor::Cursor;
use super::error::GgufError;

/// How a tensor's numbers are stored. All types that files in the wild have; the kernels compute
/// with some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the format's own")]
#[expect(non_camel_case_types, reason = "the names are the format's own")]
pub enum GgmlType {
    F32,
    F16,
    BF16,
    F64,
    I8,
    I16,
    I32,
    I64,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ1_S,
    IQ1_M,
    IQ2_XXS,
    IQ2_XS,
    IQ2_S,
    IQ3_XXS,
    IQ3_S,
    IQ4_NL,
    IQ4_XS,
    TQ1_0,
    TQ2_0,
    MXFP4,
}

/// Number in the file, type, elements in a block, bytes in a block.
const TYPES: [(u32, GgmlType, usize, usize); 30] = [
    (0, GgmlType::F32, 1, 4),
    (1, GgmlType::F16, 1, 2),
    (2, GgmlType::Q4_0, 32, 18),
    (3, GgmlType::Q4_1, 32, 20),
    (6, GgmlType::Q5_0, 32, 22),
    (7, GgmlType::Q5_1, 32, 24),
    (8, GgmlType::Q8_0, 32, 34),
    (10, GgmlType::Q2_K, 256, 84),
    (11, GgmlType::Q3_K, 256, 110),
    (12, GgmlType::Q4_K, 256, 144),
    (13, GgmlType::Q5_K, 256, 176),
    (14, GgmlType::Q6_K, 256, 210),
    (16, GgmlType::IQ2_XXS, 256, 66),
    (17, GgmlType::IQ2_XS, 256, 74),
    (18, GgmlType::IQ3_XXS, 256, 98),
    (19, GgmlType::IQ1_S, 256, 50),
    (20, GgmlType::IQ4_NL, 32, 18),
    (21, GgmlType::IQ3_S, 256, 110),
    (22, GgmlType::IQ2_S, 256, 82),
    (23, GgmlType::IQ4_XS, 256, 136),
    (24, GgmlType::I8, 1, 1),
    (25, GgmlType::I16, 1, 2),
    (26, GgmlType::I32, 1, 4),
    (27, GgmlType::I64, 1, 8),
    (28, GgmlType::F64, 1, 8),
    (29, GgmlType::IQ1_M, 256, 56),
    (30, GgmlType::BF16, 1, 2),
    (34, GgmlType::TQ1_0, 256, 54),
    (35, GgmlType::TQ2_0, 256, 66),
    (39, GgmlType::MXFP4, 32, 17),
];

/// Types that once were, or that no model's weights have, by their number: for messages.
const OTHERS: [(u32, &str); 12] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (9, "Q8_1"),
    (15, "Q8_K"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (36, "IQ4_NL_4_4"),
    (37, "IQ4_NL_4_8"),
    (38, "IQ4_NL_8_8"),
    (40, "NVFP4"),
    (41, "Q1_0"),
];

/// A tensor in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Sizes, the slowest dimension first (a matrix: rows, columns), each 1 or more. The file stores
    /// them the other way round.
    pub shape: &'a [usize],
    /// How the numbers are stored.
    pub ggml_type: GgmlType,
    /// The data, row after row; exactly as long as shape and type say.
    pub bytes: &'a [u8],
}

/// A description that was checked against itself, not yet against the file's data.
#[derive(Debug)]
pub(super) struct TensorEntry {
    pub(super) shape: Vec<usize>,
    pub(super) ggml_type: GgmlType,
    /// From the start of the data section.
    pub(super) offset: u64,
    /// Length in bytes.
    pub(super) len: usize,
}

impl GgmlType {
    /// The types that the kernels compute with.
    pub(crate) const COMPUTED: [Self; 13] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2_K,
        Self::Q3_K,
        Self::Q4_K,
        Self::Q5_K,
        Self::Q6_K,
    ];

    /// All types that are known.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        TYPES.iter().map(|row| row.1)
    }

    /// Elements in a block, and bytes in a block.
    pub fn block(self) -> (usize, usize) {
        let row = TYPES.iter().find(|row| row.1 == self);
        row.map_or((1, 1), |row| (row.2, row.3))
    }

    /// Its number in the file.
    #[cfg(test)]
    pub(super) fn id(self) -> u32 {
        TYPES.iter().find(|row| row.1 == self).unwrap().0
    }

    fn from_id(id: u32) -> Option<Self> {
        TYPES.iter().find(|row| row.0 == id).map(|row| row.1)
    }
}

impl TensorEntry {
    /// Bytes that a description takes, at least: length of the name, number of dimensions, one
    /// dimension, type, offset.
    pub(super) const MIN_SIZE: u64 = 8 + 4 + 8 + 4 + 8;

    /// Reads one description after its name.
    pub(super) fn read(cursor: &mut Cursor<'_>, name: &str) -> Result<Self, GgufError> {
        let dimensions = cursor.u32("a tensor's number of dimensions")?;
        if !(1..=4).contains(&dimensions) {
            let fault = format!("has {dimensions} dimensions; 1 to 4 are possible");
            return Err(GgufError::tensor(name, fault));
        }
        let mut shape = Vec::with_capacity(4);
        for _ in 0..dimensions {
            let size = cursor.u64("a tensor's dimension")?;
            match usize::try_from(size) {
                Ok(size) if size > 0 => shape.push(size),
                Ok(_) | Err(_) => {
                    let fault = format!("has a dimension of {size} elements");
                    return Err(GgufError::tensor(name, fault));
                }
            }
        }
        let id = cursor.u32("a tensor's type")?;
        let offset = cursor.u64("a tensor's offset")?;
        let ggml_type =
            GgmlType::from_id(id).ok_or_else(|| GgufError::tensor_type(name, other_type(id)))?;
        let len = byte_len(&shape, ggml_type).map_err(|fault| {
            // Of what could not be computed anyway, that is what should be said.
            match GgmlType::COMPUTED.contains(&ggml_type) {
                true => GgufError::tensor(name, fault),
                false => GgufError::tensor_type(name, format!("{ggml_type:?}")),
            }
        })?;
        shape.reverse();
        Ok(Self {
            shape,
            ggml_type,
            offset,
            len,
        })
    }
}

/// A type that is not read, by its name if it has one.
fn other_type(id: u32) -> String {
    match OTHERS.iter().find(|(other, _)| *other == id) {
        Some((_, name)) => format!("{name} (type {id})"),
        None => format!("type {id}"),
    }
}

/// Bytes of a tensor whose sizes are given fastest first, as in the file.
fn byte_len(sizes: &[usize], ggml_type: GgmlType) -> Result<usize, String> {
    let (elements, bytes) = ggml_type.block();
    let cols = sizes.first().copied().unwrap_or(0);
    if !cols.is_multiple_of(elements) {
        return Err(format!(
            "rows of {cols} elements cannot be {ggml_type:?}, whose blocks have {elements}"
        ));
    }
    sizes
        .iter()
        .try_fold(1_usize, |total, &size| total.checked_mul(size))
        .and_then(|total| (total / elements).checked_mul(bytes))
        .ok_or_else(|| format!("sizes {sizes:?} overflow"))
}
