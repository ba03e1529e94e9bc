//! The key-value pairs of a file, decoded on demand into the type that the reader wants.
//!
//! Writers differ in the integer types that they choose, so any integer that fits is taken for any
//! other; floats likewise.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::error::{GgufError, shorten};
use super::value::{Entry, Kind, ValueType};

/// Metadata of one file. A view: cheap to copy; strings live as long as the file.
#[derive(Debug, Clone, Copy)]
pub struct Metadata<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) entries: &'a HashMap<String, Entry>,
}

/// A type that a metadata value can be read as: `u32`, `u64`, `i32`, `f32`, `bool`, `&str`, and
/// `Vec`s of these.
pub trait FromValue<'a>: Sized {
    /// The type in words, for messages.
    const EXPECTED: &'static str;

    /// Decodes; `None` when the value has another type or does not fit.
    #[doc(hidden)]
    fn from_scalar(value: Scalar<'a>) -> Option<Self>;

    /// Decodes an array; `None` when this type is not an array.
    #[doc(hidden)]
    fn from_array(_values: Elements<'a>) -> Option<Result<Self, BadElement>> {
        None
    }
}

/// One decoded value.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Scalar<'a> {
    Int(i128),
    Float(f64),
    Bool(bool),
    Text(&'a str),
}

/// The element of an array that is not what was wanted.
#[doc(hidden)]
#[derive(Debug)]
pub struct BadElement(usize);

/// Elements of an array, decoded one by one.
#[doc(hidden)]
#[derive(Debug)]
pub struct Elements<'a> {
    cursor: Cursor<'a>,
    element: ValueType,
    count: usize,
}

impl<'a> Metadata<'a> {
    /// The value of `key`; `None` when the file has no such key.
    ///
    /// # Errors
    /// [`GgufError::WrongType`] when it is there and has another type, [`GgufError::Metadata`] when
    /// it does not fit (a number out of range, bytes that are not UTF-8).
    pub fn get<T: FromValue<'a>>(&self, key: &str) -> Result<Option<T>, GgufError> {
        let Some(entry) = self.entries.get(key) else {
            return Ok(None);
        };
        let mut cursor = Cursor::new(self.bytes, entry.offset);
        let decoded = match entry.kind {
            Kind::One(one) => match Scalar::read(&mut cursor, one)? {
                Some(scalar) => T::from_scalar(scalar),
                None => return Err(GgufError::metadata(key, "is not valid UTF-8")),
            },
            Kind::Array(element, count) => {
                let elements = Elements {
                    cursor,
                    element,
                    count,
                };
                match T::from_array(elements) {
                    Some(Err(BadElement(index))) => {
                        let fault =
                            format!("must be {}, but element {index} does not fit", T::EXPECTED);
                        return Err(GgufError::metadata(key, fault));
                    }
                    Some(Ok(array)) => Some(array),
                    None => None,
                }
            }
        };
        decoded.map(Some).ok_or_else(|| GgufError::WrongType {
            key: shorten(key),
            expected: T::EXPECTED,
            found: entry.describe(self.bytes),
        })
    }

    /// The value of `key`, which must be there.
    ///
    /// # Errors
    /// [`GgufError::MissingKey`], or as [`Metadata::get`].
    pub fn require<T: FromValue<'a>>(&self, key: &str) -> Result<T, GgufError> {
        self.get(key)?.ok_or_else(|| GgufError::MissingKey {
            key: key.to_owned(),
        })
    }

    /// Whether the file has this key.
    pub fn contains(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// All keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.keys().map(String::as_str)
    }
}

impl Entry {
    /// Type and, of a single number, the value.
    fn describe(&self, bytes: &[u8]) -> String {
        let scalar = match self.kind {
            Kind::One(one) => Scalar::read(&mut Cursor::new(bytes, self.offset), one),
            Kind::Array(..) => Ok(None),
        };
        let kind = self.kind.describe();
        match scalar {
            Ok(Some(Scalar::Int(value))) => format!("{kind} {value}"),
            Ok(Some(Scalar::Float(value))) => format!("{kind} {value}"),
            Ok(Some(Scalar::Bool(value))) => format!("{kind} {value}"),
            Ok(Some(Scalar::Text(value))) => format!("{kind} {:?}", shorten(value)),
            Ok(None) | Err(_) => kind,
        }
    }
}

impl<'a> Scalar<'a> {
    /// Decodes one value; `None` for a string that is not UTF-8, and for an array in an array, which
    /// no reader wants.
    fn read(cursor: &mut Cursor<'a>, one: ValueType) -> Result<Option<Self>, GgufError> {
        let what = one.name();
        Ok(Some(match one {
            ValueType::U8 => Self::Int(u8::from_le_bytes(cursor.array(what)?).into()),
            ValueType::I8 => Self::Int(i8::from_le_bytes(cursor.array(what)?).into()),
            ValueType::U16 => Self::Int(u16::from_le_bytes(cursor.array(what)?).into()),
            ValueType::I16 => Self::Int(i16::from_le_bytes(cursor.array(what)?).into()),
            ValueType::U32 => Self::Int(u32::from_le_bytes(cursor.array(what)?).into()),
            ValueType::I32 => Self::Int(i32::from_le_bytes(cursor.array(what)?).into()),
            ValueType::U64 => Self::Int(u64::from_le_bytes(cursor.array(what)?).into()),
            ValueType::I64 => Self::Int(i64::from_le_bytes(cursor.array(what)?).into()),
            ValueType::F32 => Self::Float(f32::from_le_bytes(cursor.array(what)?).into()),
            ValueType::F64 => Self::Float(f64::from_le_bytes(cursor.array(what)?)),
            ValueType::Bool => Self::Bool(cursor.array::<1>(what)?[0] != 0),
            ValueType::String => {
                let text = str::from_utf8(cursor.string(what)?);
                return Ok(text.ok().map(Self::Text));
            }
            ValueType::Array => return Ok(None),
        }))
    }
}

macro_rules! integers {
    ($($integer:ty, $one:literal, $many:literal;)*) => {$(
        impl<'a> FromValue<'a> for $integer {
            const EXPECTED: &'static str = $one;

            fn from_scalar(value: Scalar<'a>) -> Option<Self> {
                match value {
                    Scalar::Int(value) => value.try_into().ok(),
                    Scalar::Float(_) | Scalar::Bool(_) | Scalar::Text(_) => None,
                }
            }
        }
        arrays!($integer, $many);
    )*};
}

macro_rules! arrays {
    ($element:ty, $many:literal) => {
        impl<'a> FromValue<'a> for Vec<$element> {
            const EXPECTED: &'static str = $many;

            fn from_scalar(_value: Scalar<'a>) -> Option<Self> {
                None
            }

            fn from_array(mut elements: Elements<'a>) -> Option<Result<Self, BadElement>> {
                // The reader proved that so many elements lie in the file.
                let mut decoded = Vec::with_capacity(elements.count);
                for index in 0..elements.count {
                    let element = Scalar::read(&mut elements.cursor, elements.element)
                        .ok()
                        .flatten()
                        .and_then(<$element>::from_scalar);
                    match element {
                        Some(element) => decoded.push(element),
                        None => return Some(Err(BadElement(index))),
                    }
                }
                Some(Ok(decoded))
            }
        }
    };
}

integers! {
    u32, "a u32", "an array of u32";
    u64, "a u64", "an array of u64";
    i32, "an i32", "an array of i32";
}

impl<'a> FromValue<'a> for f32 {
    const EXPECTED: &'static str = "an f32";

    #[expect(
        clippy::cast_possible_truncation,
        reason = "hyperparameters lose nothing that matters from f64 to f32"
    )]
    fn from_scalar(value: Scalar<'a>) -> Option<Self> {
        match value {
            Scalar::Float(value) => Some(value as f32),
            Scalar::Int(_) | Scalar::Bool(_) | Scalar::Text(_) => None,
        }
    }
}
arrays!(f32, "an array of f32");

impl<'a> FromValue<'a> for bool {
    const EXPECTED: &'static str = "a bool";

    fn from_scalar(value: Scalar<'a>) -> Option<Self> {
        match value {
            Scalar::Bool(value) => Some(value),
            Scalar::Int(_) | Scalar::Float(_) | Scalar::Text(_) => None,
        }
    }
}

impl<'a> FromValue<'a> for &'a str {
    const EXPECTED: &'static str = "a string";

    fn from_scalar(value: Scalar<'a>) -> Option<Self> {
        match value {
            Scalar::Text(value) => Some(value),
            Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_) => None,
        }
    }
}
arrays!(&'a str, "an array of strings");
