//! Whatever is sent, the parsers answer a proved request or an error with words, and never panic.
//! The same check runs under cargo-fuzz in `fuzz/fuzz_targets/chat_request.rs`.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::openai::{CHAT, COMPLETIONS, check_any_body};

/// A request that sets most fields.
fn valid() -> Value {
    json!({
        "model": "m", "prompt": [[1, 2], [3]],
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "a"}]},
            {"role": "assistant", "content": null,
             "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "content": "b", "tool_call_id": "1"},
            {"role": "user", "content": "c"},
        ],
        "stream": true, "stream_options": {"include_usage": true}, "stop": ["x", "y"], "n": 2,
        "logit_bias": {"1": 2}, "seed": 3, "temperature": 0.5, "max_tokens": 4, "top_k": -1,
        "chat_template_kwargs": {"k": [1]}, "stop_token_ids": [5],
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!("text")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let fields = prop::collection::vec((field_name(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            fields.prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

/// A name that some table knows, or any.
fn field_name() -> impl Strategy<Value = String> {
    let known: Vec<String> = [CHAT, COMPLETIONS]
        .iter()
        .flat_map(|table| table.iter().copied().flatten())
        .filter_map(|f| f.path.rsplit('.').next())
        .map(str::to_owned)
        .collect();
    prop_oneof![4 => prop::sample::select(known), 1 => ".{0,6}"]
}

/// Puts `value` at the `place`-th position of all that there are in `body`.
fn put(body: &mut Value, place: &mut usize, value: &Value) {
    if *place == 0 {
        *body = value.clone();
        *place = usize::MAX;
        return;
    }
    *place -= 1;
    let children: Vec<&mut Value> = match body {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for child in children {
        if *place == usize::MAX {
            return;
        }
        put(child, place, value);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_answered(body in any_json()) {
        prop_assert_eq!(check_any_body(body.to_string().as_bytes()), Ok(()));
    }

    #[test]
    fn a_valid_request_with_one_value_replaced_is_answered(
        place in 0_usize..50,
        value in any_json(),
    ) {
        let mut body = valid();
        put(&mut body, &mut { place }, &value);
        prop_assert_eq!(check_any_body(body.to_string().as_bytes()), Ok(()));
    }

    #[test]
    fn a_valid_request_with_one_field_more_is_answered(
        name in field_name(),
        value in any_json(),
    ) {
        let mut body = valid();
        body[name] = value;
        prop_assert_eq!(check_any_body(body.to_string().as_bytes()), Ok(()));
    }

    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(check_any_body(&body), Ok(()));
    }

    #[test]
    fn a_valid_request_cut_or_changed_in_one_byte_is_answered(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut body = valid().to_string().into_bytes();
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body[at] = byte }
        prop_assert_eq!(check_any_body(&body), Ok(()));
    }
}
