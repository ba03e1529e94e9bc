//! What is said has the form.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::{EOS, answer, compiled, compiler, request, row, text};
use crate::constraint::Grammar;
use crate::request::SamplingParams;
use crate::sampler::Sampler;

fn params(seed: u64) -> SamplingParams {
    SamplingParams {
        seed,
        max_tokens: 600,
        ..SamplingParams::default()
    }
}

#[test]
fn every_answer_of_a_schema_is_json_of_that_schema() {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 8},
            "kind": {"enum": ["a", "b", 3, null]},
            "sizes": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 20}, "maxItems": 3},
            "code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$", "maxLength": 6},
            "more": {"$ref": "#/$defs/more"},
        },
        "required": ["name", "kind", "sizes", "code"],
        "additionalProperties": false,
        "$defs": {"more": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}},
    });
    let grammar = compiled(Grammar::json_schema(&schema));
    for seed in 0..20 {
        let (ids, ended) = answer(&request(&grammar, params(seed)));
        let said = text(&ids);
        assert!(ended, "{said}");
        let value: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
        assert!(
            value["name"].as_str().unwrap().chars().count() <= 8,
            "{said}"
        );
        assert!(
            json!(["a", "b", 3, null])
                .as_array()
                .unwrap()
                .contains(&value["kind"])
        );
        for size in value["sizes"].as_array().unwrap() {
            assert!((1..=20).contains(&size.as_i64().unwrap()), "{said}");
        }
        let code = value["code"].as_str().unwrap();
        assert!(
            code.len() >= 3 && code[..2].chars().all(|c| c.is_ascii_uppercase()),
            "{said}"
        );
        assert!(
            value
                .get("more")
                .is_none_or(|m| m.is_boolean() || m.is_null())
        );
    }
}

#[test]
fn choices_expressions_and_grammars_are_kept() {
    let choices = [
        "yes".to_owned(),
        "no \"way\"".to_owned(),
        "päh/\n".to_owned(),
    ];
    let lark = "start: greeting \" \" NAME\ngreeting: \"hi\" | \"hello\"\nNAME: /[a-z]{1,5}/";
    let gbnf = "# a list\nroot ::= item (\", \" item){0,3} end?\nitem ::= [a-c] | \"x\\x41\" | num-ber\n\
                num-ber ::= [^\\x00-/:-\\U0010FFFF]+\nend ::= \".\" | \"!\"";
    let word = |w: &str| w.len() <= 5 && w.chars().all(|c| c.is_ascii_lowercase());
    for seed in 0..20 {
        let said = |grammar| {
            let (ids, ended) = answer(&request(&compiled(grammar), params(seed)));
            assert!(ended, "{}", text(&ids));
            text(&ids)
        };
        assert!(choices.contains(&said(Grammar::choice(&choices))));
        let date = said(Grammar::regex(r"\d{4}-\d{2}-[0-9]{2}/(a|b)"));
        assert!(date.len() == 12 && date.ends_with(['a', 'b']), "{date}");
        let greeting = said(Grammar::language(lark));
        let (hello, name) = greeting.split_once(' ').unwrap();
        assert!(["hi", "hello"].contains(&hello) && word(name), "{greeting}");
        let list = said(Grammar::language(gbnf));
        let items = list.trim_end_matches(['.', '!']).split(", ");
        for item in items {
            let digits = item.chars().all(|c| c.is_ascii_digit());
            assert!(["a", "b", "c", "xA"].contains(&item) || digits, "{list}");
        }
    }
}

#[test]
fn any_object_is_an_object() {
    let grammar = compiled(Grammar::json_object());
    for seed in 0..10 {
        let (ids, ended) = answer(&request(&grammar, params(seed)));
        if ended {
            let value: Value = serde_json::from_str(&text(&ids)).unwrap();
            assert!(value.is_object());
        }
    }
}

#[test]
fn the_form_goes_before_other_wishes() {
    let grammar = compiled(Grammar::choice(&["abc".to_owned()]));
    for wishes in [
        SamplingParams {
            ignore_eos: true,
            ..params(1)
        },
        SamplingParams {
            min_tokens: 100,
            ..params(1)
        },
        SamplingParams {
            logit_bias: vec![(EOS, -100.0), (u32::from(b'z'), 100.0)],
            ..params(1)
        },
        SamplingParams {
            temperature: 0.0,
            ..params(1)
        },
    ] {
        let (ids, ended) = answer(&request(&grammar, wishes.clone()));
        assert_eq!((text(&ids).as_str(), ended), ("abc", true), "{wishes:?}");
    }
}

#[test]
fn an_answer_that_may_go_on_does_so_until_min_tokens() {
    let grammar = compiled(Grammar::regex("[a-c]*"));
    let wishes = SamplingParams {
        min_tokens: 50,
        ..params(3)
    };
    let (ids, ended) = answer(&request(&grammar, wishes));
    assert!(ended && ids.len() > 50, "{}", ids.len());
}

#[test]
fn log_probabilities_are_those_of_the_model() {
    let grammar = compiled(Grammar::choice(&["yes".to_owned()]));
    let wishes = SamplingParams {
        logprobs: Some(1),
        ..params(1)
    };
    let mut sampler = Sampler::new(&request(&grammar, wishes));
    let sampled = sampler.sample(&mut row(), 0, &[EOS]).unwrap();
    let logprobs = sampled.logprobs.unwrap();
    assert!(logprobs.logprob < -3.0 && logprobs.logprob.is_finite());
    assert_ne!(
        logprobs.top[0].0, sampled.id,
        "the model would not have said it"
    );
}

#[test]
fn a_wrong_token_fails_this_answer_alone() {
    let grammar = compiled(Grammar::choice(&["yes".to_owned()]));
    let request = request(&grammar, params(1));
    let (mut wrong, mut right) = (Sampler::new(&request), Sampler::new(&request));
    wrong.observe(u32::from(b'z'));
    assert!(wrong.sample(&mut row(), 1, &[EOS]).is_err());
    assert!(right.sample(&mut row(), 0, &[EOS]).is_ok());
}

#[test]
fn the_same_grammar_is_compiled_once_and_the_oldest_is_forgotten() {
    let compiler = compiler();
    let grammar = |n: usize| Grammar::regex(&format!("a{{{n}}}")).unwrap();
    let first = compiler.compile(&grammar(1)).unwrap();
    assert!(std::sync::Arc::ptr_eq(
        &first,
        &compiler.compile(&grammar(1)).unwrap()
    ));
    for n in 2..70 {
        compiler.compile(&grammar(n)).unwrap();
    }
    assert!(compiler.cached(&grammar(1)).is_none());
    assert!(compiler.cached(&grammar(69)).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A sampler that read the tokens goes on as the one that said them (idea 1).
    #[test]
    fn a_sampler_is_rebuilt_by_replaying_tokens(seed: u64, cut in 0_usize..40) {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "array", "items": {"type": "number"}, "maxItems": 4},
            "b": {"type": "string", "maxLength": 20},
        }, "required": ["a", "b"]});
        let grammar = compiled(Grammar::json_schema(&schema));
        let request = request(&grammar, params(seed));
        let (ids, _) = answer(&request);
        let cut = cut.min(ids.len());
        let mut replayed = Sampler::new(&request);
        ids[..cut].iter().for_each(|&id| replayed.observe(id));
        for (index, &id) in ids.iter().enumerate().skip(cut) {
            let index = u32::try_from(index).unwrap();
            prop_assert_eq!(replayed.sample(&mut row(), index, &[EOS]).unwrap().id, id);
            replayed.observe(id);
        }
    }
}
