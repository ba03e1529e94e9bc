//! Templates of the shapes that real models ship, against `transformers`; and what they refuse.

use std::collections::BTreeMap;

use engine::tokenizer::{
    ChatRequest, ChatTemplate, ChatTemplateSource, RenderLimits, TemplateError,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Golden {
    now: i64,
    tokens: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    template: String,
    messages: Vec<Value>,
    options: Map<String, Value>,
    rendered: String,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/templates.json")).unwrap()
}

fn compile(template: &str) -> Result<ChatTemplate, TemplateError> {
    ChatTemplate::new(&ChatTemplateSource {
        template: Some(template.to_owned()),
        tokens: golden().tokens,
        ..ChatTemplateSource::default()
    })
}

/// The golden file's template of this name.
fn named(name: &str) -> ChatTemplate {
    let case = golden().cases.into_iter().find(|case| case.name == name);
    compile(&case.unwrap().template).unwrap()
}

fn render(template: &str, messages: &[Value]) -> Result<String, TemplateError> {
    compile(template)?.render(&ChatRequest::new(messages))
}

#[test]
fn templates_render_as_in_transformers() {
    let golden = golden();
    let mut differences = Vec::new();
    for case in &golden.cases {
        let mut kwargs = case.options.clone();
        let mut flag = |name: &str| kwargs.remove(name).is_some_and(|value| value == true);
        let add_generation_prompt = flag("add_generation_prompt");
        let continue_final_message = flag("continue_final_message");
        let tools = kwargs.remove("tools");
        let request = ChatRequest {
            tools: tools.as_ref().and_then(Value::as_array).map(Vec::as_slice),
            add_generation_prompt,
            continue_final_message,
            kwargs: Some(&kwargs),
            now: golden.now,
            ..ChatRequest::new(&case.messages)
        };
        let rendered = compile(&case.template).unwrap().render(&request);
        let rendered = rendered.unwrap_or_else(|error| error.to_string());
        if rendered != case.rendered {
            differences.push(format!(
                "{}\n{rendered}\n--- but\n{}",
                case.name, case.rendered
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n=====\n"));
}

#[test]
fn a_refusal_names_the_message_and_the_templates_words() {
    let messages = [
        json!({"role": "user", "content": "a"}),
        json!({"role": "assistant", "content": "b"}),
        json!({"role": "assistant", "content": "c"}),
        json!({"role": "user", "content": "d"}),
    ];
    let error = named("mistral")
        .render(&ChatRequest::new(&messages))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the model's chat template refuses messages[2] (role `assistant`): Conversation roles must \
         alternate user/assistant/user/assistant/..."
    );
    assert!(error.is_request_fault());
}

#[test]
fn a_rule_about_the_last_message_names_the_last_message() {
    let template = "{% if messages[-1].role != 'user' %}{{ raise_exception('last must be user') }}\
                    {% endif %}";
    let messages = [
        json!({"role": "system", "content": "s"}),
        json!({"role": "user", "content": "a"}),
        json!({"role": "assistant", "content": "b"}),
    ];
    let error = render(template, &messages).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("messages[2] (role `assistant`): last must be user")
    );
}

#[test]
fn a_message_without_content_is_named_with_the_templates_line() {
    let template = "{% for m in messages %}\n{{ m.role + m.content }}\n{% endfor %}";
    let messages = [
        json!({"role": "user", "content": "a"}),
        json!({"role": "assistant", "content": null}),
    ];
    let error = render(template, &messages).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("line 2") && text.contains("messages[1] (role `assistant`)"),
        "{text}"
    );
    assert!(error.is_request_fault());
}

#[test]
fn malformed_messages_are_named() {
    let template = "{{ messages[0].content }}";
    for (message, expected) in [
        (json!("text"), "messages[0] is not an object"),
        (
            json!({"content": "x"}),
            "messages[0] has no role; it must be a string",
        ),
        (
            json!({"role": "user", "content": 3}),
            "messages[0] (role `user`) has a content that is neither a string nor a list of parts",
        ),
        (
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}),
            "messages[0] (role `user`) has a content[0] of type `image_url`, but the model's chat \
             template takes text only",
        ),
        (
            json!({"role": "user", "content": [{"text": "x"}]}),
            "messages[0] (role `user`) has a content[0] without a type",
        ),
    ] {
        assert_eq!(
            render(template, &[message]).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn content_takes_the_form_that_the_template_handles() {
    let parts = json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]);
    let list = [json!({"role": "user", "content": parts})];
    let string = [json!({"role": "user", "content": "one"})];
    let for_strings = "{{ messages[0].content }}";
    let for_lists = "{% for part in messages[0].content %}<{{ part.text }}>{% endfor %}";
    let for_both = "{% if messages[0].content is string %}{{ messages[0].content }}{% else %}\
                    {% for part in messages[0].content %}<{{ part.text }}>{% endfor %}{% endif %}";
    assert_eq!(render(for_strings, &list).unwrap(), "one\ntwo");
    assert_eq!(render(for_strings, &string).unwrap(), "one");
    assert_eq!(render(for_lists, &list).unwrap(), "<one><two>");
    assert_eq!(render(for_lists, &string).unwrap(), "<one>");
    assert_eq!(render(for_both, &list).unwrap(), "<one><two>");
    assert_eq!(render(for_both, &string).unwrap(), "one");
}

#[test]
fn arguments_of_tool_calls_become_objects() {
    let template = "{{ messages[0].tool_calls[0].function.arguments.city }}";
    let call = json!({"function": {"name": "f", "arguments": "{\"city\": \"Bern\"}"}});
    let messages = [json!({"role": "assistant", "content": "", "tool_calls": [call]})];
    assert_eq!(render(template, &messages).unwrap(), "Bern");
}

#[test]
fn a_model_without_a_template_says_what_to_do() {
    let error = ChatTemplate::new(&ChatTemplateSource::default()).unwrap_err();
    assert_eq!(error, TemplateError::Missing);
    assert!(error.to_string().contains("no chat template; give one"));
}

#[test]
fn a_template_that_does_not_compile_is_named_with_its_line() {
    let error = compile("{{ messages }}\n{% for x in %}").unwrap_err();
    let TemplateError::Syntax { name, line, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((name.as_str(), *line), ("default", 2));
    assert!(!error.is_request_fault());
}

#[test]
fn named_templates_are_chosen() {
    let named = [("default", "D"), ("tool_use", "T"), ("rag", "R")];
    let source = ChatTemplateSource {
        named: named
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..ChatTemplateSource::default()
    };
    let template = ChatTemplate::new(&source).unwrap();
    let messages = [json!({"role": "user", "content": "x"})];
    let plain = ChatRequest::new(&messages);
    let tools = [json!({})];
    let with_tools = ChatRequest {
        tools: Some(&tools),
        ..plain
    };
    let rag = ChatRequest {
        template: Some("rag"),
        ..with_tools
    };
    let unknown = ChatRequest {
        template: Some("other"),
        ..plain
    };
    assert_eq!(template.render(&plain).unwrap(), "D");
    assert_eq!(template.render(&with_tools).unwrap(), "T");
    assert_eq!(template.render(&rag).unwrap(), "R");
    assert_eq!(
        template.render(&unknown).unwrap_err().to_string(),
        "the model has no chat template `other`; it has default, rag, tool_use"
    );
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let template = named("chatml");
    let messages = [json!({"role": "user", "content": "x"})];
    let no_text = [json!({"role": "assistant", "tool_calls": []})];
    let reserved = json!({"messages": []}).as_object().unwrap().clone();
    let plain = ChatRequest::new(&messages);
    let both = ChatRequest {
        continue_final_message: true,
        ..plain
    };
    let nothing_to_continue = ChatRequest {
        messages: &no_text,
        add_generation_prompt: false,
        ..both
    };
    let reserved = ChatRequest {
        kwargs: Some(&reserved),
        ..plain
    };
    let empty = ChatRequest::new(&[]);
    for (request, expected) in [
        (both, "exclude each other"),
        (nothing_to_continue, "no text to continue"),
        (reserved, "cannot set `messages`"),
        (empty, "messages is empty"),
    ] {
        let error = template.render(&request).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.is_request_fault());
    }
}

#[test]
fn a_message_that_the_template_drops_cannot_be_continued() {
    let template =
        compile("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}");
    let messages = [json!({"role": "assistant", "content": "x"})];
    let request = ChatRequest {
        add_generation_prompt: false,
        continue_final_message: true,
        ..ChatRequest::new(&messages)
    };
    let error = template.unwrap().render(&request).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not write the last message"),
        "{error}"
    );
}

#[test]
fn endless_and_huge_renderings_end() {
    let messages = [json!({"role": "user", "content": "x"})];
    let limits = RenderLimits {
        fuel: 100_000,
        output_bytes: 1000,
    };
    let run = |template: &str| {
        let template = compile(template).unwrap().with_limits(limits);
        template.render(&ChatRequest::new(&messages)).unwrap_err()
    };
    let nested = "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}";
    assert_eq!(run(nested), TemplateError::Endless { limit: 100_000 });
    let recursive = "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}";
    assert!(!matches!(run(recursive), TemplateError::TooLong { .. }));
    let huge = "{% for i in range(999) %}0123456789{% endfor %}";
    assert_eq!(run(huge), TemplateError::TooLong { limit: 1000 });
}

#[test]
fn a_bad_date_format_is_an_error() {
    let messages = [json!({"role": "user", "content": "x"})];
    let error = render("{{ strftime_now('%Q!') }}", &messages).unwrap_err();
    assert!(error.to_string().contains("%Q!"), "{error}");
}

#[test]
fn tojson_refuses_what_is_not_json() {
    let messages = [json!({"role": "user", "content": "x"})];
    let error = render("{{ nothing | tojson }}", &messages).unwrap_err();
    assert!(
        error.to_string().contains("undefined is not JSON"),
        "{error}"
    );
}
