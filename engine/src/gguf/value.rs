//! Metadata values: their types, and how long one is without decoding it.

use super::cursor::Cursor;
use super::error::GgufError;

/// Arrays in arrays in arrays: nobody writes them, and recursion must end.
const MAX_DEPTH: u32 = 4;

/// Types of values, with their numbers in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

/// A value that was walked once: it is complete, and of known types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Where the value (of an array: its first element) begins.
    pub(super) offset: usize,
}

/// One value, or many of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    One(ValueType),
    Array(ValueType, usize),
}

impl ValueType {
    fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            8 => Self::String,
            9 => Self::Array,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Array => "array",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F64 => "f64",
        }
    }

    /// Bytes of a value; `None` where they depend on the value.
    fn fixed_size(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::String | Self::Array => None,
        }
    }

    /// Bytes that a value takes, at least: of a string its length, of an array type and count.
    fn min_size(self) -> u64 {
        let head = if self == Self::Array { 12 } else { 8 };
        self.fixed_size().unwrap_or(head)
    }
}

impl Entry {
    /// Walks over the value at the cursor, type number first.
    pub(super) fn read(cursor: &mut Cursor<'_>, key: &str) -> Result<Self, GgufError> {
        let kind = read_type(cursor, key)?;
        let (element, count, depth) = if kind == ValueType::Array {
            let (element, count) = read_array_head(cursor, key)?;
            (element, count, 1)
        } else {
            (kind, 1, 0)
        };
        let offset = cursor.offset();
        skip_elements(cursor, key, element, count, depth)?;
        let kind = if kind == ValueType::Array {
            Kind::Array(element, count)
        } else {
            Kind::One(kind)
        };
        Ok(Self { kind, offset })
    }
}

impl Kind {
    /// The type in words, for messages.
    pub(super) fn describe(self) -> String {
        match self {
            Self::One(one) => one.name().to_owned(),
            Self::Array(element, count) => format!("an array of {count} {}", element.name()),
        }
    }
}

fn read_type(cursor: &mut Cursor<'_>, key: &str) -> Result<ValueType, GgufError> {
    let id = cursor.u32("a value's type")?;
    ValueType::from_id(id)
        .ok_or_else(|| GgufError::metadata(key, format!("value type {id} is unknown")))
}

fn read_array_head(cursor: &mut Cursor<'_>, key: &str) -> Result<(ValueType, usize), GgufError> {
    let element = read_type(cursor, key)?;
    let count = cursor.count(element.min_size(), "an array")?;
    Ok((element, count))
}

fn skip_elements(
    cursor: &mut Cursor<'_>,
    key: &str,
    element: ValueType,
    count: usize,
    depth: u32,
) -> Result<(), GgufError> {
    if let Some(size) = element.fixed_size() {
        let bytes = size.saturating_mul(count as u64);
        cursor.take(bytes, element.name())?;
    } else if element == ValueType::String {
        for _ in 0..count {
            cursor.string("a string")?;
        }
    } else if depth >= MAX_DEPTH {
        let fault = format!("arrays are nested more than {MAX_DEPTH} deep");
        return Err(GgufError::metadata(key, fault));
    } else {
        for _ in 0..count {
            let (element, count) = read_array_head(cursor, key)?;
            skip_elements(cursor, key, element, count, depth + 1)?;
        }
    }
    Ok(())
}
