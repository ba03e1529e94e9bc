//! A value that may stand alone or in a list, as `stop` and `prompt` may.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// Texts: `"a"` or `["a", "b"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = TextOr::<String>("a string or a list of strings", PhantomData);
        Ok(Self(match deserializer.deserialize_any(visitor)? {
            OneOrMany::Text(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }))
    }
}

/// A text alone, or a list of something else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OneOrMany<T> {
    /// It stood alone.
    Text(String),
    /// It was a list.
    Many(Vec<T>),
}

/// Reads a [`OneOrMany`]; a hand-written visitor keeps the path of an error in the list, and says
/// what was expected, where an untagged enum would say only that nothing matched.
pub(crate) struct TextOr<T>(pub(crate) &'static str, pub(crate) PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOr<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E>(self, text: &str) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(OneOrMany::Many(items))
    }
}
