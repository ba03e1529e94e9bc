//! Filters, evaluated on one payload at a time.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else it is, a test fails on it"
)]

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::{Condition, FieldCondition, Filter, PointStruct};
use serde_json::{Map, Value};

/// Whether a point passes a filter, if there is one.
pub(super) fn passes(filter: Option<&Filter>, point: &PointStruct) -> bool {
    let payload = point.payload.iter();
    let payload: Map<String, Value> = payload
        .map(|(key, value)| (key.clone(), Value::from(value.clone())))
        .collect();
    let payload = Value::Object(payload);
    filter.is_none_or(|filter| filter_holds(filter, &payload))
}

fn filter_holds(filter: &Filter, payload: &Value) -> bool {
    let holds = |condition: &Condition| condition_holds(condition, payload);
    filter.must.iter().all(holds)
        && (filter.should.is_empty() || filter.should.iter().any(holds))
        && !filter.must_not.iter().any(holds)
}

fn condition_holds(condition: &Condition, payload: &Value) -> bool {
    match condition.condition_one_of.as_ref().unwrap() {
        ConditionOneOf::Filter(filter) => filter_holds(filter, payload),
        ConditionOneOf::IsEmpty(empty) => match at(payload, &empty.key) {
            None | Some(Value::Null) => true,
            Some(Value::Array(list)) => list.is_empty(),
            Some(_) => false,
        },
        ConditionOneOf::Field(field) => match at(payload, &field.key) {
            Some(Value::Array(list)) => list.iter().any(|value| field_holds(field, value)),
            Some(value) => field_holds(field, value),
            None => false,
        },
        other => panic!("the client sends no such condition: {other:?}"),
    }
}

fn field_holds(field: &FieldCondition, value: &Value) -> bool {
    let matched = field
        .r#match
        .as_ref()
        .map(|wanted| match wanted.match_value.as_ref().unwrap() {
            MatchValue::Keyword(text) => value.as_str() == Some(text.as_str()),
            MatchValue::Integer(number) => value.as_i64() == Some(*number),
            MatchValue::Boolean(truth) => value.as_bool() == Some(*truth),
            MatchValue::Keywords(list) => value
                .as_str()
                .is_some_and(|text| list.strings.iter().any(|wanted| wanted == text)),
            other => panic!("the client sends no such match: {other:?}"),
        });
    let within = field.range.as_ref().map(|range| {
        value.as_f64().is_some_and(|number| {
            range.gt.is_none_or(|bound| number > bound)
                && range.gte.is_none_or(|bound| number >= bound)
                && range.lt.is_none_or(|bound| number < bound)
                && range.lte.is_none_or(|bound| number <= bound)
        })
    });
    matched.unwrap_or(true) && within.unwrap_or(true) && (matched.is_some() || within.is_some())
}

fn at<'v>(payload: &'v Value, key: &str) -> Option<&'v Value> {
    key.split('.')
        .try_fold(payload, |value, part| value.get(part))
}
