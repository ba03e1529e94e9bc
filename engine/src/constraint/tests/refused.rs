//! What cannot be kept is refused, and where it stands is said.

use serde_json::{Value, json};

use super::fixture::{compiler, tokenizer};
use crate::constraint::{Grammar, GrammarCompiler, GrammarError};

fn fault(grammar: Result<Grammar, GrammarError>) -> GrammarError {
    match grammar {
        Ok(grammar) => compiler().compile(&grammar).unwrap_err(),
        Err(error) => error,
    }
}

fn check(schema: &Value, path: &str, words: &str) {
    let error = fault(Grammar::json_schema(schema));
    let said = error.to_string();
    assert_eq!(error.path(), path, "{schema}: {said}");
    assert!(said.contains(words), "{schema}: {said}");
    assert!(said.len() < 500, "{said}");
}

#[test]
fn a_schema_is_told_the_place_and_the_keyword() {
    let within = |schema: Value| json!({"type": "object", "properties": {"x": schema}});
    for (schema, path, words) in [
        (json!(3), "", "must be an object"),
        (json!([]), "", "must be an object"),
        (within(json!("string")), "properties.x", "must be an object"),
        (
            within(json!({"not": {}})),
            "properties.x.not",
            "\"not\" is not supported",
        ),
        (
            within(json!({"uniqueItems": true})),
            "properties.x.uniqueItems",
            "not supported",
        ),
        (
            within(json!({"pattern": "(?=a)b"})),
            "properties.x.pattern",
            "pattern cannot be used",
        ),
        (
            within(json!({"pattern": "["})),
            "properties.x.pattern",
            "pattern cannot be used",
        ),
        (
            within(json!({"pattern": 3})),
            "properties.x.pattern",
            "must be a string",
        ),
        (
            within(json!({"format": "colour"})),
            "properties.x.format",
            "\"colour\" is not supported",
        ),
        (
            within(json!({"$ref": "https://example.com/s"})),
            "properties.x.$ref",
            "outside",
        ),
        (
            within(json!({"anyOf": [{}, {"if": {}}]})),
            "properties.x.anyOf.1.if",
            "not supported",
        ),
        (
            within(json!({"items": {"nullable": true}})),
            "properties.x.items.nullable",
            "not supported",
        ),
        (
            json!({"x-guidance": {"lenient": true}}),
            "x-guidance",
            "not supported",
        ),
        (
            json!({"properties": []}),
            "properties",
            "must be an object of schemas",
        ),
    ] {
        check(&schema, path, words);
    }
}

#[test]
fn a_schema_that_nothing_can_fit_is_told_so() {
    for (schema, path, words) in [
        (json!({"type": "text"}), "", "text"),
        (json!({"$ref": "#/$defs/none"}), "", "none"),
        (
            json!({"items": {"oneOf": [{"type": "number"}, {"type": "integer"}]}}),
            "items.oneOf",
            "anyOf",
        ),
        (
            json!({"type": "integer", "minimum": 3, "maximum": 2}),
            "",
            "maximum",
        ),
        (
            json!({"type": "object", "properties": {"a": false}, "required": ["a"]}),
            "",
            "nsatisf",
        ),
    ] {
        check(&schema, path, words);
    }
}

#[test]
fn annotations_change_nothing() {
    let plain = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let spoken = json!({"$schema": "x", "title": "T", "type": "object", "x-order": 1,
        "properties": {"title": {"type": "string", "description": "d", "default": "", "examples": [1]}}});
    assert_eq!(Grammar::json_schema(&plain), Grammar::json_schema(&spoken));
}

#[test]
fn texts_are_told_what_is_wrong_with_them() {
    let choice = |choices: &[&str]| {
        let choices: Vec<_> = choices.iter().map(|&c| c.to_owned()).collect();
        Grammar::choice(&choices)
    };
    for (grammar, words) in [
        (Grammar::regex("a("), "regular expression"),
        (Grammar::regex("(?=a)"), "look-around"),
        (Grammar::regex(r"(a)\1"), "backreferences"),
        (Grammar::regex("ab\\"), "regular expression"),
        (Grammar::regex(&"a".repeat(20_000)), "16384 bytes at most"),
        (choice(&[]), "empty"),
        (choice(&["a", ""]), "at 1 is empty"),
        (choice(&["a"; 2000]), "1024 entries at most"),
        (Grammar::language(""), "grammar"),
        (Grammar::language("start: \"a"), "grammar"),
        (Grammar::language("start: nothing"), "nothing"),
        (Grammar::language("other: \"a\""), "start"),
        (Grammar::language("root ::= \"a"), "ends too early"),
        (Grammar::language("root ::= \"a\"\n  $"), "line 2"),
        (Grammar::language("root ::= b"), "no rule \"b\""),
        (Grammar::language("a ::= \"b\""), "no rule \"root\""),
        (Grammar::language("root ::= \"a\"\nroot ::= \"b\""), "twice"),
        (Grammar::language("::= ::="), "grammar"),
        (
            Grammar::language(&"a".repeat(70_000)),
            "65536 bytes at most",
        ),
    ] {
        let said = fault(grammar).to_string();
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_explodes_is_refused_by_its_size() {
    let deep = (0..100).fold(json!({}), |schema, _| json!({"items": schema}));
    let wide: Value = (0..6000).map(|i| (format!("p{i}"), json!({}))).collect();
    let long: Vec<_> = (0..20_000).map(|i| format!("entry {i}")).collect();
    for (schema, words) in [
        (deep, "deep"),
        (json!({"properties": wide}), "5000 schemas at most"),
        (json!({"enum": long}), "131072 bytes at most"),
    ] {
        let said = fault(Grammar::json_schema(&schema)).to_string();
        assert!(said.contains(words), "{said}");
    }
    // Each doubles the one before.
    let doubling: String = (0..40).fold("start: r0\n".to_owned(), |text, i| {
        format!("{text}r{i}: r{} r{}\n", i + 1, i + 1)
    }) + "r40: \"a\" | \"\"";
    let nested = format!("start: {}\"a\"{}", "(".repeat(20_000), ")".repeat(20_000));
    let repeated = Grammar::regex("((a{1,500}){1,500}){1,500}b?c");
    for grammar in [
        Grammar::language(&doubling),
        Grammar::language(&nested),
        repeated,
    ] {
        // Whether or not it is taken, it comes to an end.
        let _outcome = compiler().compile(&grammar.unwrap());
    }
}

#[test]
fn a_model_without_an_end_holds_no_form() {
    let endless = GrammarCompiler::new(tokenizer(), Vec::new());
    let error = endless.compile(&Grammar::json_object().unwrap());
    assert!(matches!(error, Err(GrammarError::Vocabulary { .. })));
}
