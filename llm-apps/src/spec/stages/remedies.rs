//! `on_failure`: what is done about an answer that breaks a rule.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use crate::spec::node::{Node, Value};
use crate::spec::read;
use crate::stage::validate::{OnFailure, Retry};

/// Attempts of a loop at most.
const MAX_ATTEMPTS: u32 = 100;

/// One remedy, in the order in which they make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Remedy {
    Repair,
    Retry(Retry),
    Fallback(String),
    Refuse,
}

/// One remedy, or a list of them.
pub(super) fn read(node: &Node) -> Result<OnFailure, read::Expected> {
    let items = match &node.value {
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let remedies: Vec<_> = items.iter().map(remedy).collect::<Result<_, _>>()?;
    for pair in remedies.windows(2) {
        let (first, second) = (&pair[0], &pair[1]);
        if first.rank() >= second.rank() {
            return Err(
                "remedies in the order repair, retry, fallback, refuse, each once".to_owned(),
            );
        }
        if matches!(first, Remedy::Retry(Retry::Always) | Remedy::Fallback(_)) {
            let name = first.name();
            return Err(format!(
                "a list in which nothing stands behind what always helps, as `{name}` does (write `retry: 3` \
                 for a retry that gives up)"
            ));
        }
    }
    let mut on_failure = OnFailure::default();
    for remedy in remedies {
        match remedy {
            Remedy::Repair => on_failure.repair = true,
            Remedy::Retry(retry) => on_failure.retry = Some(retry),
            Remedy::Fallback(text) => on_failure.fallback = Some(text),
            Remedy::Refuse => {}
        }
    }
    Ok(on_failure)
}

fn remedy(node: &Node) -> Result<Remedy, read::Expected> {
    let expected =
        || "repair, retry, {retry: 3}, {fallback: TEXT} or refuse, or a list of them".to_owned();
    let Value::Map(map) = &node.value else {
        return match read::text(node).map_err(|_| expected())?.as_str() {
            "repair" => Ok(Remedy::Repair),
            "retry" => Ok(Remedy::Retry(Retry::Always)),
            "refuse" => Ok(Remedy::Refuse),
            _ => Err(expected()),
        };
    };
    let [(key, value)] = map.as_slice() else {
        return Err(expected());
    };
    match &key.value {
        Value::Text(key) if key == "fallback" => read::text(value)
            .map(Remedy::Fallback)
            .map_err(|_| expected()),
        Value::Text(key) if key == "retry" => read::integer(1..=MAX_ATTEMPTS)(value)
            .map(|most| Remedy::Retry(Retry::Until(most)))
            .map_err(|count| format!("{} (`retry` is {count})", expected())),
        _ => Err(expected()),
    }
}

impl Remedy {
    fn rank(&self) -> u8 {
        match self {
            Self::Repair => 0,
            Self::Retry(_) => 1,
            Self::Fallback(_) => 2,
            Self::Refuse => 3,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Repair => "repair",
            Self::Retry(_) => "retry",
            Self::Fallback(_) => "fallback",
            Self::Refuse => "refuse",
        }
    }
}
