//! A file as a whole: header, metadata, tensor descriptions, data.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use super::cursor::Cursor;
use super::error::{GgufError, shorten};
use super::metadata::Metadata;
use super::tensor::{TensorEntry, TensorInfo};
use super::value::Entry;
use crate::mapped::map_file;

/// Longest key or name, in bytes, by the format's specification.
const MAX_NAME: usize = 65_535;
/// Bytes that a key-value pair takes, at least: length of the key, type, the smallest value.
const MIN_PAIR: u64 = 8 + 4 + 1;
const DEFAULT_ALIGNMENT: u32 = 32;

/// A GGUF file whose structure was proved: every value and every tensor lies within it.
pub struct GgufFile {
    bytes: Box<dyn AsRef<[u8]> + Send + Sync>,
    version: u32,
    entries: HashMap<String, Entry>,
    tensors: HashMap<String, TensorEntry>,
    /// Names in the file's order.
    order: Vec<String>,
    /// Where the tensor data begin.
    data: usize,
}

impl GgufFile {
    /// Maps a file and proves its structure; tensor data are not touched.
    ///
    /// # Errors
    /// [`GgufError`] says what is wrong and where.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let map = map_file(path).map_err(|source| GgufError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(map)
    }

    /// Proves the structure of a file's bytes, wherever they are held.
    ///
    /// # Errors
    /// [`GgufError`] says what is wrong and where.
    pub fn parse(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Self, GgufError> {
        let parsed = Parsed::read(bytes.as_ref())?;
        Ok(Self {
            bytes: Box::new(bytes),
            version: parsed.version,
            entries: parsed.entries,
            tensors: parsed.tensors,
            order: parsed.order,
            data: parsed.data,
        })
    }

    /// The format's version, 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The key-value pairs.
    pub fn metadata(&self) -> Metadata<'_> {
        Metadata {
            bytes: self.bytes(),
            entries: &self.entries,
        }
    }

    /// The tensor of this name.
    ///
    /// # Errors
    /// [`GgufError::MissingTensor`].
    pub fn tensor(&self, name: &str) -> Result<TensorInfo<'_>, GgufError> {
        self.get_tensor(name)
            .ok_or_else(|| GgufError::MissingTensor {
                name: shorten(name),
            })
    }

    /// The tensor of this name, if the file has it.
    pub fn get_tensor(&self, name: &str) -> Option<TensorInfo<'_>> {
        let (name, entry) = self.tensors.get_key_value(name)?;
        let start = usize::try_from(entry.offset).ok()?.checked_add(self.data)?;
        let bytes = self.bytes().get(start..start.checked_add(entry.len)?)?;
        Some(TensorInfo {
            name,
            shape: &entry.shape,
            ggml_type: entry.ggml_type,
            bytes,
        })
    }

    /// All tensors, in the file's order.
    pub fn tensors(&self) -> impl Iterator<Item = TensorInfo<'_>> {
        self.order.iter().filter_map(|name| self.get_tensor(name))
    }

    fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }
}

impl fmt::Debug for GgufFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GgufFile")
            .field("version", &self.version)
            .field("keys", &self.entries.len())
            .field("tensors", &self.tensors.len())
            .field("bytes", &self.bytes().len())
            .finish()
    }
}

/// What reading the structure gives.
struct Parsed {
    version: u32,
    entries: HashMap<String, Entry>,
    tensors: HashMap<String, TensorEntry>,
    order: Vec<String>,
    data: usize,
}

impl Parsed {
    fn read(bytes: &[u8]) -> Result<Self, GgufError> {
        let mut cursor = Cursor::new(bytes, 0);
        let version = read_version(&mut cursor)?;
        // The pairs come first, but both counts stand before them.
        let tensor_count = cursor.count(TensorEntry::MIN_SIZE, "the number of tensors")?;
        let pair_count = cursor.count(MIN_PAIR, "the number of metadata pairs")?;

        let mut entries = HashMap::new();
        for _ in 0..pair_count {
            let key = read_name(&mut cursor, "a metadata key")?;
            let entry = Entry::read(&mut cursor, key)?;
            if entries.insert(key.to_owned(), entry).is_some() {
                return Err(GgufError::metadata(key, "occurs twice"));
            }
        }

        let mut tensors = HashMap::new();
        let mut order = Vec::new();
        for _ in 0..tensor_count {
            let name = read_name(&mut cursor, "a tensor's name")?;
            let entry = TensorEntry::read(&mut cursor, name)?;
            order.push(name.to_owned());
            if tensors.insert(name.to_owned(), entry).is_some() {
                return Err(GgufError::tensor(name, "occurs twice"));
            }
        }

        let entries_view = Metadata {
            bytes,
            entries: &entries,
        };
        let alignment = read_alignment(entries_view)?;
        let data = cursor
            .offset()
            .checked_next_multiple_of(alignment)
            .unwrap_or(bytes.len())
            .min(bytes.len());
        // Each tensor has bytes of its own, so that a small file cannot ask for much memory.
        let mut left = bytes.len() - data;
        for name in &order {
            let entry = &tensors[name];
            check_range(name, entry, bytes.len() - data, alignment)?;
            left = left.checked_sub(entry.len).ok_or_else(|| {
                GgufError::tensor(name, "its bytes overlap with another tensor's")
            })?;
        }
        Ok(Self {
            version,
            entries,
            tensors,
            order,
            data,
        })
    }
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, GgufError> {
    let magic = cursor.array::<4>("the magic")?;
    if &magic != b"GGUF" {
        let found = magic.escape_ascii().to_string();
        return Err(GgufError::Magic { found });
    }
    let version = cursor.u32("the version")?;
    match version {
        2 | 3 => Ok(version),
        // A small number whose bytes stand the other way round.
        _ if version != 0 && version.trailing_zeros() >= 16 => Err(GgufError::BigEndian),
        found => Err(GgufError::Version { found }),
    }
}

fn read_name<'a>(cursor: &mut Cursor<'a>, what: &'static str) -> Result<&'a str, GgufError> {
    let name = cursor.text(what)?;
    if name.len() > MAX_NAME {
        let fault = format!(
            "the name has {} bytes; at most {MAX_NAME} are possible",
            name.len()
        );
        return Err(GgufError::metadata(name, fault));
    }
    Ok(name)
}

fn read_alignment(metadata: Metadata<'_>) -> Result<usize, GgufError> {
    const KEY: &str = "general.alignment";
    let alignment = metadata.get::<u32>(KEY)?.unwrap_or(DEFAULT_ALIGNMENT);
    if !alignment.is_power_of_two() {
        let fault = format!("must be a power of two, but is {alignment}");
        return Err(GgufError::metadata(KEY, fault));
    }
    usize::try_from(alignment)
        .map_err(|_| GgufError::metadata(KEY, format!("{alignment} is too large")))
}

/// Proves that a tensor's data lie within the file's `available` bytes of data.
fn check_range(
    name: &str,
    entry: &TensorEntry,
    available: usize,
    alignment: usize,
) -> Result<(), GgufError> {
    if !entry.offset.is_multiple_of(alignment as u64) {
        let fault = format!(
            "offset {} is not a multiple of the alignment {alignment}",
            entry.offset
        );
        return Err(GgufError::tensor(name, fault));
    }
    let end = entry.offset.checked_add(entry.len as u64);
    if end.is_none_or(|end| end > available as u64) {
        let fault = format!(
            "its {} bytes at offset {} do not lie within the file's {available} bytes of data; \
             the file is truncated or corrupt",
            entry.len, entry.offset
        );
        return Err(GgufError::tensor(name, fault));
    }
    Ok(())
}
