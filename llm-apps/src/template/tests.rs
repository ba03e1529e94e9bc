//! Conditions and prompts.

use serde_json::{Map, Value, json};

use super::{Condition, PromptTemplate, UrlTemplate, UrlTemplateError};

fn variables(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else {
        panic!("{value} is no object")
    };
    map
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
}

#[test]
fn a_prompt_is_rendered_as_chat_templates_are() {
    let source = "{#- variables: passages, question -#}\n{% for p in passages %}\n[{{ loop.index }}] {{ p.text }}\n\
                  {% endfor %}\n{{ question }}\n";
    let template = PromptTemplate::new("a.j2", source).unwrap();
    let names: Vec<_> = template.names().iter().map(String::as_str).collect();
    assert_eq!(names, ["passages", "question"]);
    let given = json!({"passages": [{"text": "<b>"}, {"text": "c"}], "question": "Why?"});
    let text = template.render(&variables(given)).unwrap();
    assert_eq!(text, "[1] <b>\n[2] c\nWhy?", "nothing is escaped");
}

#[test]
fn what_a_prompt_does_not_find_is_named_with_its_line() {
    let template = PromptTemplate::new("a.j2", "Q\n{{ question.text }}").unwrap();
    for (given, said) in [
        (json!({}), "undefined value"),
        (json!({"question": {}}), "undefined value"),
        (json!({"question": "text"}), "undefined value"),
    ] {
        let error = template.render(&variables(given)).unwrap_err().to_string();
        let start = format!("the template `a.j2`, line 2, cannot be rendered: {said}");
        assert!(error.starts_with(&start), "{error}");
    }
}

#[test]
fn a_prompt_that_is_none_is_refused() {
    for (source, said) in [
        ("{{ a", "the template `p`, line 1, is no Jinja template: "),
        (
            "a\n{%- include 'b' %}",
            "the template `p`, line 2, uses `include`",
        ),
        (
            "{# {% include 'b' %} #}\n{% extends 'b' %}",
            "the template `p`, line 2, uses `extends`",
        ),
        ("{% nonsense %}", "the template `p`, line 1, is no Jinja"),
    ] {
        let error = PromptTemplate::new("p", source).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    PromptTemplate::new("p", "{# {% include 'b' %} #} {{ a }}").unwrap();
}

#[test]
fn a_prompt_that_never_ends_is_given_up() {
    let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    let error = PromptTemplate::new("p", endless)
        .unwrap()
        .render(&Map::new());
    assert!(error.unwrap_err().reason.contains("steps"));
    let long = "{% for a in range(9999) %}{{ text }}{% endfor %}";
    let given = json!({"text": "x".repeat(1 << 16)});
    let error = PromptTemplate::new("p", long)
        .unwrap()
        .render(&variables(given));
    assert!(error.unwrap_err().reason.contains("bytes"));
}

#[test]
fn an_address_stays_at_its_server_whatever_a_variable_holds() {
    let url = UrlTemplate::new("https://example.org:8443/a/{{ label }}?q={{ question }}").unwrap();
    let names: Vec<_> = url.template().names().iter().map(String::as_str).collect();
    assert_eq!(names, ["label", "question"]);
    for (label, question, expected) in [
        ("x", "why", "https://example.org:8443/a/x?q=why"),
        (
            "../b",
            "a&b=c#d é",
            "https://example.org:8443/a/..%2Fb?q=a%26b%3Dc%23d%20%C3%A9",
        ),
        (
            "@evil.org/",
            "",
            "https://example.org:8443/a/%40evil.org%2F?q=",
        ),
    ] {
        let given = json!({"label": label, "question": question});
        assert_eq!(url.render(&variables(given)).unwrap().as_str(), expected);
    }
    assert!(url.render(&Map::new()).is_err());
}

#[test]
fn an_address_of_which_the_server_is_not_fixed_is_refused() {
    for text in [
        "{{ url }}",
        "https://{{ host }}/",
        "https://example.org{{ path }}",
        "https://example.org:80{{ port }}/",
        "https://user:secret@example.org/{{ a }}",
        "ftp://example.org/{{ a }}",
        "file:///etc/{{ a }}",
        "https:///{{ a }}/",
        "example.org/{{ a }}",
    ] {
        let refused = UrlTemplate::new(text);
        assert!(
            matches!(refused, Err(UrlTemplateError::Server(_))),
            "{text}: {refused:?}"
        );
    }
    assert!(
        UrlTemplate::new("http://localhost:9/plain")
            .unwrap()
            .render(&Map::new())
            .is_ok()
    );
}

#[test]
fn a_path_of_dots_does_not_climb() {
    let url = UrlTemplate::new("https://example.org/a/b/{{ label }}/c").unwrap();
    for dots in [".", ".."] {
        let refused = url.render(&variables(json!({"label": dots})));
        assert!(
            matches!(refused, Err(UrlTemplateError::Elsewhere(_))),
            "{refused:?}"
        );
    }
    assert!(url.render(&variables(json!({"label": "..."}))).is_ok());
}
