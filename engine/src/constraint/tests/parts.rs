//! Forms that are put together.

use serde_json::{Value, json};

use super::fixture::{answer, compiled, request, text};
use crate::constraint::{Grammar, Part};
use crate::request::SamplingParams;

fn params(seed: u64) -> SamplingParams {
    SamplingParams {
        seed,
        max_tokens: 400,
        ..SamplingParams::default()
    }
}

fn call() -> Part {
    let schema = json!({
        "type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["n"], "additionalProperties": false,
    });
    Part::Form(Grammar::json_schema(&schema).unwrap())
}

fn words(part: &str) -> Part {
    Part::Text(part.to_owned())
}

#[test]
fn every_part_is_as_it_says() {
    let color = Grammar::choice(&["red".to_owned(), "blue".to_owned()]).unwrap();
    let digits = Grammar::regex("[0-9]{2}").unwrap();
    let part = Part::Sequence(vec![
        words("<a \"b\"\n>"),
        Part::OneOf(vec![words("x"), words("yy")]),
        Part::Repeat(Box::new(Part::Form(color)), Some(2)),
        words("|"),
        Part::Form(digits),
        Part::Space,
        call(),
    ]);
    let grammar = compiled(part.into_grammar());
    for seed in 0..20 {
        let (ids, ended) = answer(&request(&grammar, params(seed)));
        let said = text(&ids);
        assert!(ended, "{said}");
        let rest = said.strip_prefix("<a \"b\"\n>").unwrap();
        let rest = rest.strip_prefix('x').or_else(|| rest.strip_prefix("yy"));
        let (colors, rest) = rest.unwrap().split_once('|').unwrap();
        assert!(
            colors.replace("red", "").replace("blue", "").is_empty(),
            "{said}"
        );
        let (number, rest) = rest.split_at(2);
        assert!(number.parse::<u32>().is_ok(), "{said}");
        let value: Value = serde_json::from_str(rest).unwrap();
        assert!((1..=9).contains(&value["n"].as_u64().unwrap()), "{said}");
    }
}

#[test]
fn text_is_free_until_the_mark() {
    let part = Part::Sequence(vec![Part::Until("1".to_owned()), call()]);
    let grammar = compiled(part.into_grammar());
    for seed in 0..20 {
        let (ids, ended) = answer(&request(&grammar, params(seed)));
        let said = text(&ids);
        if let Some((_, behind)) = said.split_once('1') {
            assert!(
                !ended || serde_json::from_str::<Value>(behind).is_ok(),
                "{said}"
            );
            assert!(behind.is_empty() || behind.starts_with('{'), "{said}");
        }
    }
}

#[test]
fn text_does_not_begin_as_it_must_not() {
    let part = Part::Free { not: Some('{') };
    let grammar = compiled(part.into_grammar());
    for seed in 0..60 {
        let (ids, _) = answer(&request(&grammar, params(seed)));
        let said = text(&ids);
        assert!(!said.trim_start().starts_with('{'), "{said}");
    }
}
