//! Our filters as the server's.

use qdrant_client::qdrant;
use qdrant_client::qdrant::condition::ConditionOneOf;

use crate::vector::filter::{Condition, Filter, Match, Scalar};

/// A proved filter for the server.
pub(super) fn to_server(filter: &Filter) -> qdrant::Filter {
    let each = |conditions: &[Condition]| conditions.iter().map(condition).collect();
    qdrant::Filter {
        must: each(&filter.must),
        should: each(&filter.should),
        must_not: each(&filter.must_not),
        min_should: None,
    }
}

fn condition(condition: &Condition) -> qdrant::Condition {
    match condition {
        Condition::Match {
            key,
            values: Match::Value(value),
        } => matches(key, value),
        // The server takes lists of one type, so a list of any is a choice of single ones.
        Condition::Match {
            key,
            values: Match::Any(values),
        } => match keywords(values) {
            Some(values) => qdrant::Condition::matches(key, values),
            None => any(values.iter().map(|value| matches(key, value)).collect()),
        },
        Condition::Range { key, range } => {
            let range = qdrant::Range {
                lt: range.lt,
                gt: range.gt,
                gte: range.gte,
                lte: range.lte,
            };
            qdrant::Condition::range(key, range)
        }
        Condition::IsEmpty { key } => qdrant::Condition::is_empty(key),
        Condition::Nested(filter) => nested(to_server(filter)),
    }
}

fn matches(key: &str, value: &Scalar) -> qdrant::Condition {
    match value {
        Scalar::Bool(value) => qdrant::Condition::matches(key, *value),
        Scalar::Integer(value) => qdrant::Condition::matches(key, *value),
        Scalar::Keyword(value) => qdrant::Condition::matches(key, value.clone()),
    }
}

fn keywords(values: &[Scalar]) -> Option<Vec<String>> {
    let keyword = |value: &Scalar| match value {
        Scalar::Keyword(text) => Some(text.clone()),
        Scalar::Bool(_) | Scalar::Integer(_) => None,
    };
    let keywords: Option<Vec<String>> = values.iter().map(keyword).collect();
    keywords.filter(|keywords| !keywords.is_empty())
}

/// One of these. Of none nothing passes, which an empty `should` would not say: so all points are
/// taken, and then taken out.
fn any(conditions: Vec<qdrant::Condition>) -> qdrant::Condition {
    if conditions.is_empty() {
        let all = nested(qdrant::Filter::default());
        return nested(qdrant::Filter::must_not([all]));
    }
    nested(qdrant::Filter::should(conditions))
}

fn nested(filter: qdrant::Filter) -> qdrant::Condition {
    qdrant::Condition {
        condition_one_of: Some(ConditionOneOf::Filter(filter)),
    }
}
