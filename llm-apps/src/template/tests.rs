//! Conditions.

use serde_json::{Map, Value, json};

use super::Condition;

fn variables(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn a_condition_is_decided_by_the_variables() {
    let cases = [
        ("passages | length == 0", json!({"passages": []}), true),
        ("passages | length == 0", json!({"passages": [1]}), false),
        (
            "not verdict.valid",
            json!({"verdict": {"valid": false}}),
            true,
        ),
        (
            "label in ['refund', 'angry']",
            json!({"label": "angry"}),
            true,
        ),
        (
            "score > 0.5 and label == 'a'",
            json!({"score": 0.6, "label": "b"}),
            false,
        ),
        ("question", json!({"question": ""}), false),
    ];
    for (text, given, holds) in cases {
        let condition = Condition::new(text).unwrap();
        assert_eq!(condition.holds(&variables(given)).unwrap(), holds, "{text}");
    }
}

#[test]
fn it_knows_the_variables_that_it_looks_at() {
    let condition = Condition::new("range(3) | length == n and passages[0].score > least").unwrap();
    let names: Vec<_> = condition.names().iter().map(String::as_str).collect();
    assert_eq!(names, ["least", "n", "passages"]);
}

#[test]
fn what_is_no_condition_is_told_apart_from_what_cannot_be_decided() {
    for text in [
        "",
        "a ==",
        "a %}{{ b",
        "{{ a }}",
        "a) or (b",
        &"a".repeat(5000),
    ] {
        assert!(Condition::new(text).is_err(), "{text:?}");
    }
    let condition = Condition::new("verdict.valid").unwrap();
    let missing = condition.holds(&Map::new()).unwrap_err().to_string();
    assert!(
        missing.starts_with("the condition `verdict.valid` cannot be decided: undefined"),
        "{missing}"
    );
    let endless = Condition::new("range(100000) | sum > 0").unwrap();
    assert!(endless.holds(&Map::new()).is_err(), "it is given up");
}
