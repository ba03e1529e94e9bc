//! Conditions on metadata, named and written as in Qdrant.
//!
//! ```json
//! {"must": [{"key": "lang", "match": {"value": "en"}}, {"key": "year", "range": {"gte": 2020}}],
//!  "must_not": [{"is_empty": {"key": "source"}}]}
//! ```
//! A key names a nested value by dots (`author.name`). Where the value is a list, a condition holds
//! when it holds for one of its elements.

use serde::{Deserialize, Serialize};

use super::error::VectorError;

/// All of `must`, one of `should` unless it is empty, and none of `must_not`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// All of these hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub must: Vec<Condition>,
    /// One of these holds, unless there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub should: Vec<Condition>,
    /// None of these holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub must_not: Vec<Condition>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Condition {
    /// The key's value is a given one, or one of several.
    Match {
        /// Where to look.
        key: String,
        /// What is to be there.
        values: Match,
    },
    /// The key's value is a number within bounds.
    Range {
        /// Where to look.
        key: String,
        /// The bounds.
        range: Range,
    },
    /// The key is absent, null or an empty list.
    IsEmpty {
        /// Where to look.
        key: String,
    },
    /// A filter within a filter.
    Nested(Filter),
}

/// What is to be at a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// This value.
    Value(Scalar),
    /// One of these values.
    Any(Vec<Scalar>),
}

/// A value that can be matched. Numbers with a fraction are compared by [`Range`] only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "what is matched is a text, a whole number, true or false"
)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text, compared as a whole.
    Keyword(String),
}

/// Bounds of a number; those that are absent do not bind.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Range {
    /// Greater than.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gt: Option<f64>,
    /// Greater than or equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gte: Option<f64>,
    /// Less than.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lt: Option<f64>,
    /// Less than or equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lte: Option<f64>,
}

/// Deepest nesting of filters.
const MAX_DEPTH: usize = 8;
/// Most conditions and values of a filter together.
const MAX_SIZE: usize = 4096;
/// Longest key, in bytes.
const MAX_KEY: usize = 256;

impl Filter {
    /// A filter of conditions that must all hold.
    pub fn must(conditions: impl IntoIterator<Item = Condition>) -> Self {
        Self {
            must: conditions.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Proves keys, bounds and size, so that what follows need not.
    ///
    /// # Errors
    /// [`VectorError::Filter`] names what is wrong.
    pub fn prove(&self) -> Result<(), VectorError> {
        let mut room = MAX_SIZE;
        self.prove_within(MAX_DEPTH, &mut room)
            .map_err(|why| VectorError::Filter { why })
    }

    fn prove_within(&self, depth: usize, room: &mut usize) -> Result<(), String> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(format!("filters are nested more than {MAX_DEPTH} deep"));
        };
        let lists = [&self.must, &self.should, &self.must_not];
        lists
            .into_iter()
            .flatten()
            .try_for_each(|condition| condition.prove_within(depth, room))
    }
}

impl Condition {
    /// The value at `key` is `value`.
    pub fn equals(key: impl Into<String>, value: impl Into<Scalar>) -> Self {
        Self::Match {
            key: key.into(),
            values: Match::Value(value.into()),
        }
    }

    /// There is something at `key`.
    pub fn exists(key: impl Into<String>) -> Self {
        Self::Nested(Filter {
            must_not: vec![Self::IsEmpty { key: key.into() }],
            ..Filter::default()
        })
    }

    fn prove_within(&self, depth: usize, room: &mut usize) -> Result<(), String> {
        let size = match self {
            Self::Match {
                values: Match::Any(values),
                ..
            } => values.len() + 1,
            Self::Match { .. } | Self::Range { .. } | Self::IsEmpty { .. } | Self::Nested(_) => 1,
        };
        *room = room
            .checked_sub(size)
            .ok_or_else(|| format!("it has more than {MAX_SIZE} conditions and values"))?;
        match self {
            Self::Match { key, .. } | Self::IsEmpty { key } => prove_key(key),
            Self::Range { key, range } => {
                prove_key(key)?;
                let bounds = [range.gt, range.gte, range.lt, range.lte];
                if bounds.iter().all(Option::is_none) {
                    return Err(format!(
                        "the range of {key:?} has no bound; known are gt, gte, lt, lte"
                    ));
                }
                match bounds
                    .into_iter()
                    .flatten()
                    .find(|bound| !bound.is_finite())
                {
                    Some(bound) => Err(format!("the range of {key:?} has the bound {bound}")),
                    None => Ok(()),
                }
            }
            Self::Nested(filter) => filter.prove_within(depth, room),
        }
    }
}

fn prove_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.len() > MAX_KEY {
        let length = key.len();
        return Err(format!(
            "a key has from 1 to {MAX_KEY} bytes, but one has {length}"
        ));
    }
    if key.starts_with('_') {
        return Err(format!(
            "the key {key:?} begins with `_`, which is kept for our own"
        ));
    }
    if key.contains(['[', ']', '"']) {
        return Err(format!(
            "the key {key:?} holds a bracket or quote; nested values are named by dots, lists need \
             no mark"
        ));
    }
    Ok(())
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Keyword(text.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Keyword(text)
    }
}

impl From<i64> for Scalar {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// A condition as it is written: which fields are there says which it is.
#[derive(Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    values: Option<Match>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_empty: Option<WrittenKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    must: Option<Vec<Condition>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    should: Option<Vec<Condition>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    must_not: Option<Vec<Condition>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    key: String,
}

impl TryFrom<Written> for Condition {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let nested =
            written.must.is_some() || written.should.is_some() || written.must_not.is_some();
        match (written.key, written.values, written.range, written.is_empty) {
            (Some(key), Some(values), None, None) if !nested => Ok(Self::Match { key, values }),
            (Some(key), None, Some(range), None) if !nested => Ok(Self::Range { key, range }),
            (None, None, None, Some(WrittenKey { key })) if !nested => Ok(Self::IsEmpty { key }),
            (None, None, None, None) if nested => Ok(Self::Nested(Filter {
                must: written.must.unwrap_or_default(),
                should: written.should.unwrap_or_default(),
                must_not: written.must_not.unwrap_or_default(),
            })),
            _ => Err(
                "a condition is `key` with `match` or `range`, or `is_empty` with its `key`, or \
                      a filter of its own",
            ),
        }
    }
}

impl From<Condition> for Written {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Match { key, values } => Self {
                key: Some(key),
                values: Some(values),
                ..Self::default()
            },
            Condition::Range { key, range } => Self {
                key: Some(key),
                range: Some(range),
                ..Self::default()
            },
            Condition::IsEmpty { key } => Self {
                is_empty: Some(WrittenKey { key }),
                ..Self::default()
            },
            Condition::Nested(filter) => Self {
                must: Some(filter.must),
                should: Some(filter.should),
                must_not: Some(filter.must_not),
                ..Self::default()
            },
        }
    }
}
