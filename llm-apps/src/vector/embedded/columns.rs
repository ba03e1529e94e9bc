//! The values of all metadata, so that a filter is answered without reading a record.
//!
//! For every key: which slots have something there, which slots have a given value, and which have a
//! number, in the numbers' order. Lists count by their elements, nested objects by dotted keys.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use serde_json::Value;

use super::mask::Mask;
use crate::vector::filter::{Condition, Filter, Match, Range, Scalar};
use crate::vector::point::Metadata;

/// The metadata's values by key.
#[derive(Debug, Default)]
pub(super) struct Columns {
    by_key: HashMap<String, Column>,
}

/// One key's values; lists of slots are ascending.
#[derive(Debug, Default)]
struct Column {
    present: Vec<u32>,
    exact: HashMap<Scalar, Vec<u32>>,
    numbers: BTreeMap<Ordered, Vec<u32>>,
}

/// A number's place among numbers: IEEE 754's total order on bits that sort as integers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ordered(i64);

/// Deepest nesting whose keys are indexed; what lies deeper is stored and not filtered by.
const MAX_DEPTH: usize = 8;

impl Columns {
    /// Notes the values of a slot.
    pub(super) fn insert(&mut self, slot: u32, metadata: &Metadata) {
        each_value(metadata, "", MAX_DEPTH, &mut |key, values| {
            if !self.by_key.contains_key(key) {
                self.by_key.insert(key.to_owned(), Column::default());
            }
            if let Some(column) = self.by_key.get_mut(key) {
                column.insert(slot, values);
            }
        });
    }

    /// Forgets the values of a slot, which are these.
    pub(super) fn remove(&mut self, slot: u32, metadata: &Metadata) {
        each_value(metadata, "", MAX_DEPTH, &mut |key, values| {
            if let Some(column) = self.by_key.get_mut(key) {
                column.remove(slot, values);
                if column.present.is_empty() {
                    self.by_key.remove(key);
                }
            }
        });
    }

    /// The slots of `live` that pass a filter.
    pub(super) fn pass(&self, filter: &Filter, live: &Mask) -> Mask {
        let mut passing = live.clone();
        for condition in &filter.must {
            passing.intersect(&self.hold(condition, live));
        }
        if !filter.should.is_empty() {
            let mut one = Mask::default();
            for condition in &filter.should {
                one.union(&self.hold(condition, live));
            }
            passing.intersect(&one);
        }
        for condition in &filter.must_not {
            passing.subtract(&self.hold(condition, live));
        }
        passing
    }

    fn hold(&self, condition: &Condition, live: &Mask) -> Mask {
        match condition {
            Condition::Match { key, values } => self.matching(key, values),
            Condition::Range { key, range } => self.within(key, range),
            Condition::IsEmpty { key } => {
                let mut empty = live.clone();
                if let Some(column) = self.by_key.get(key) {
                    empty.subtract(&column.present.iter().copied().collect());
                }
                empty
            }
            Condition::Nested(filter) => self.pass(filter, live),
        }
    }

    fn matching(&self, key: &str, values: &Match) -> Mask {
        let values = match values {
            Match::Value(value) => std::slice::from_ref(value),
            Match::Any(values) => values,
        };
        let Some(column) = self.by_key.get(key) else {
            return Mask::default();
        };
        let slots = values.iter().filter_map(|value| column.exact.get(value));
        slots.flatten().copied().collect()
    }

    fn within(&self, key: &str, range: &Range) -> Mask {
        let Some(column) = self.by_key.get(key) else {
            return Mask::default();
        };
        let low = match (range.gt, range.gte) {
            (Some(gt), Some(gte)) if gt < gte => Bound::Included(Ordered::of(gte)),
            (Some(gt), _) => Bound::Excluded(Ordered::of(gt)),
            (None, Some(gte)) => Bound::Included(Ordered::of(gte)),
            (None, None) => Bound::Unbounded,
        };
        let high = match (range.lt, range.lte) {
            (Some(lt), Some(lte)) if lte < lt => Bound::Included(Ordered::of(lte)),
            (Some(lt), _) => Bound::Excluded(Ordered::of(lt)),
            (None, Some(lte)) => Bound::Included(Ordered::of(lte)),
            (None, None) => Bound::Unbounded,
        };
        if is_empty(low, high) {
            return Mask::default();
        }
        let slots = column.numbers.range((low, high));
        slots.flat_map(|(_, slots)| slots).copied().collect()
    }
}

impl Column {
    fn insert(&mut self, slot: u32, values: &[&Value]) {
        add(&mut self.present, slot);
        for value in values {
            if let Some(scalar) = scalar(value) {
                add(self.exact.entry(scalar).or_default(), slot);
            }
            if let Some(number) = value.as_f64() {
                add(self.numbers.entry(Ordered::of(number)).or_default(), slot);
            }
        }
    }

    fn remove(&mut self, slot: u32, values: &[&Value]) {
        take(&mut self.present, slot);
        for value in values {
            if let Some(scalar) = scalar(value)
                && let Some(slots) = self.exact.get_mut(&scalar)
            {
                take(slots, slot);
                if slots.is_empty() {
                    self.exact.remove(&scalar);
                }
            }
            if let Some(number) = value.as_f64().map(Ordered::of)
                && let Some(slots) = self.numbers.get_mut(&number)
            {
                take(slots, slot);
                if slots.is_empty() {
                    self.numbers.remove(&number);
                }
            }
        }
    }
}

impl Ordered {
    fn of(number: f64) -> Self {
        // The two zeros are one number. Negative numbers sort by their bits downwards.
        let bits = if number == 0.0 {
            0
        } else {
            number.to_bits().cast_signed()
        };
        Self(if bits < 0 { bits ^ i64::MAX } else { bits })
    }
}

/// Calls `each` with every key that holds something, and the values there.
fn each_value(
    metadata: &Metadata,
    prefix: &str,
    depth: usize,
    each: &mut dyn FnMut(&str, &[&Value]),
) {
    for (key, value) in metadata {
        let key = format!("{prefix}{key}");
        match value {
            Value::Null => {}
            Value::Array(list) if list.is_empty() => {}
            Value::Array(list) => each(&key, &list.iter().collect::<Vec<_>>()),
            Value::Object(inner) => {
                each(&key, &[]);
                if depth > 1 {
                    each_value(inner, &format!("{key}."), depth - 1, each);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => each(&key, &[value]),
        }
    }
}

fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::Number(number) => number.as_i64().map(Scalar::Integer),
        Value::String(text) => Some(Scalar::Keyword(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_empty(low: Bound<Ordered>, high: Bound<Ordered>) -> bool {
    match (low, high) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (
            Bound::Included(low) | Bound::Excluded(low),
            Bound::Included(high) | Bound::Excluded(high),
        ) => low >= high,
    }
}

fn add(slots: &mut Vec<u32>, slot: u32) {
    if let Err(at) = slots.binary_search(&slot) {
        slots.insert(at, slot);
    }
}

fn take(slots: &mut Vec<u32>, slot: u32) {
    if let Ok(at) = slots.binary_search(&slot) {
        slots.remove(at);
    }
}
