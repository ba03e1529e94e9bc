//! From a node to a value: each function says what it expects when it finds something else.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::ops::RangeInclusive;
use std::time::Duration;

use super::node::{Node, Value};
use super::size::ByteSize;

/// What is expected and not found; the caller adds where, and what was found.
pub(super) type Expected = String;

/// A text that is not empty.
pub(super) fn text(node: &Node) -> Result<String, Expected> {
    match &node.value {
        Value::Text(text) | Value::Expanded { text, .. } if !text.is_empty() => Ok(text.clone()),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
            Err("a text (put it in quotes)".to_owned())
        }
        Value::Null
        | Value::Faulty
        | Value::Text(_)
        | Value::Expanded { .. }
        | Value::List(_)
        | Value::Map(_) => Err("a text".to_owned()),
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node) -> Result<bool, Expected> {
    match &node.value {
        Value::Bool(value) => Ok(*value),
        Value::Expanded { text, .. } if text == "true" => Ok(true),
        Value::Expanded { text, .. } if text == "false" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

/// A whole number in a range.
pub(super) fn integer<T>(range: RangeInclusive<T>) -> impl FnOnce(&Node) -> Result<T, Expected>
where
    T: TryFrom<i128> + PartialOrd + std::fmt::Display + Bounded,
{
    move |node| {
        let value = match &node.value {
            Value::Integer(value) => Some(*value),
            Value::Expanded { text, .. } => text.trim().parse().ok(),
            _ => None,
        };
        value
            .and_then(|value| T::try_from(value).ok())
            .filter(|value| range.contains(value))
            .ok_or_else(|| {
                let (low, high) = range.into_inner();
                if high == T::MAX {
                    format!("a whole number of {low} or more")
                } else {
                    format!("a whole number from {low} to {high}")
                }
            })
    }
}

/// A type's largest value, which stands for "no upper limit" in [`integer`].
pub(super) trait Bounded {
    const MAX: Self;
}

impl Bounded for u16 {
    // 65535 is a limit like any other for the only 16-bit value there is, a port.
    const MAX: Self = 0;
}

impl Bounded for u32 {
    const MAX: Self = Self::MAX;
}

impl Bounded for usize {
    const MAX: Self = Self::MAX;
}

/// A finite number; `expected` says which `fits`.
pub(super) fn number(
    expected: &'static str,
    fits: impl FnOnce(f64) -> bool,
) -> impl FnOnce(&Node) -> Result<f64, Expected> {
    move |node| {
        decimal(node)
            .filter(|value| fits(*value))
            .ok_or_else(|| expected.to_owned())
    }
}

/// Seconds, which may have a fraction.
pub(super) fn seconds(
    range: RangeInclusive<f64>,
) -> impl FnOnce(&Node) -> Result<Duration, Expected> {
    move |node| {
        decimal(node)
            .filter(|value| range.contains(value))
            .and_then(|value| Duration::try_from_secs_f64(value).ok())
            .ok_or_else(|| {
                format!(
                    "a number of seconds from {} to {}",
                    range.start(),
                    range.end()
                )
            })
    }
}

/// A size in bytes of `least` or more.
pub(super) fn size(least: ByteSize) -> impl FnOnce(&Node) -> Result<usize, Expected> {
    move |node| {
        let size = match &node.value {
            Value::Integer(value) => u64::try_from(*value).map(ByteSize).ok(),
            Value::Text(text) | Value::Expanded { text, .. } => text.parse().ok(),
            _ => None,
        };
        size.filter(|size| *size >= least)
            .and_then(ByteSize::to_usize)
            .ok_or_else(|| format!("a size such as 512MiB or 1GiB, {least} or more"))
    }
}

fn decimal(node: &Node) -> Option<f64> {
    let value = match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "no knob needs 53 bits")]
        Value::Integer(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Expanded { text, .. } => text.trim().parse().ok()?,
        _ => return None,
    };
    value.is_finite().then_some(value)
}
