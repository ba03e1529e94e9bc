//! Sections of stages, right and wrong.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::StageSpec;
use crate::payload::Kind;
use crate::spec::fault::Faults;
use crate::spec::node::Node;
use crate::spec::section::Section;
use crate::stage::generate::{GenerateInput, GenerateOptions};
use crate::stage::http::{HttpMethod, HttpResponse};
use crate::stage::lookup::{LookupBy, LookupNear, LookupOptions, LookupVector};
use crate::stage::process::Readiness;
use crate::stage::prompt::PromptForm;
use crate::stage::validate::{AnswerSchema, Retry, StreamMode};

/// A configuration's folder with a few files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("configs/prompts/inside.j2", "{{ question }}"),
        (
            "prompts/app/answer.j2",
            "{% for p in passages %}{{ p.text }}{% endfor %}{{ question }}",
        ),
        ("prompts/broken.j2", "a\n{{ b"),
        ("configs/schema.json", r#"{"type": "object"}"#),
        ("configs/text.json", "no JSON"),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn read_in(folder: &Path, yaml: &str) -> Result<StageSpec, String> {
    let node: Node = serde_saphyr::from_str(yaml).unwrap();
    let mut faults = Faults::new("a.yaml");
    let mut keys = Section::open("d", &node, &mut faults);
    let stage = StageSpec::read(&mut keys, folder, &mut faults);
    keys.finish(&mut faults);
    faults.or(stage).map_err(|faults| faults.to_string())
}

pub(super) fn read(yaml: &str) -> Result<StageSpec, String> {
    let folder = folder();
    let configs = folder.path().join("configs");
    let shown = folder.path().display().to_string();
    read_in(&configs, yaml).map_err(|faults| faults.replace(&shown, ""))
}

#[test]
fn a_deployment_runs_exactly_one_stage() {
    let faults = read("{}").unwrap_err();
    assert!(
        faults.contains(
            "a deployment runs a stage: one of embed, lookup, rerank, classify, translate, prompt, generate, validate, http, process"
        ),
        "{faults}"
    );
    let both = read("generate: {model: a}\nvalidate: {max_chars: 1}").unwrap_err();
    let said = "a.yaml:2:11: `d.validate`: a deployment runs one stage, and this is `generate`; make \
                `validate` a deployment of its own";
    assert_eq!(both, said);
}

#[test]
fn prompts_are_found_inside_and_beside_the_configurations_folder() {
    let yaml =
        "prompt: {template: app/answer.j2, system: inside.j2, max_tokens: 100, tokenizer: m}";
    let stage = read(yaml).unwrap();
    let StageSpec::Prompt(options) = &stage else {
        panic!()
    };
    let PromptForm::Messages {
        system,
        user,
        history,
    } = &options.form
    else {
        panic!()
    };
    assert_eq!(system.as_ref().unwrap().name(), "inside.j2");
    assert_eq!(user.as_ref().unwrap().name(), "app/answer.j2");
    assert_eq!(history.as_deref(), Some("messages"));
    let budget = options.budget.as_ref().unwrap();
    assert_eq!(
        (budget.max_tokens, budget.tokenizer.as_deref()),
        (100, Some("m"))
    );
    assert!(!stage.takes_stream());
    let signature = stage.signature();
    let reads: Vec<_> = signature
        .reads
        .iter()
        .map(|(name, kind)| (name.as_str(), *kind))
        .collect();
    assert_eq!(
        reads,
        [
            ("messages", Kind::Messages),
            ("passages", Kind::Passages),
            ("question", Kind::Text)
        ]
    );
    let writes: Vec<_> = signature.writes.keys().collect();
    assert_eq!(writes, ["messages", "passages"]);
}

#[test]
fn a_prompt_may_be_a_text() {
    let StageSpec::Prompt(options) = read("prompt: {template: inside.j2, as: text}").unwrap()
    else {
        panic!()
    };
    assert!(matches!(options.form, PromptForm::Text(_)));
    assert_eq!(options.output, "prompt");
}

#[test]
fn every_key_of_generate_is_read() {
    let yaml = "generate: {model: a, prompt: prompt, output: draft, max_tokens: 5, stop: END, seed: 7, \
                temperature: 0, top_p: 0.5, top_k: 3, min_p: 0.1, repetition_penalty: 1.1, \
                presence_penalty: -1, frequency_penalty: 2}";
    let StageSpec::Generate(options) = read(yaml).unwrap() else {
        panic!()
    };
    assert_eq!(options.input, GenerateInput::Prompt("prompt".to_owned()));
    assert_eq!(
        (options.output.as_str(), options.max_tokens, options.seed),
        ("draft", Some(5), Some(7))
    );
    assert_eq!(options.stop, ["END"]);
    let params = options.params(&engine::SamplingParams::default());
    let floats = [
        params.temperature,
        params.top_p,
        params.min_p,
        params.repetition_penalty,
        params.presence_penalty,
        params.frequency_penalty,
    ];
    let expected = [0.0, 0.5, 0.1, 1.1, -1.0, 2.0];
    assert!(
        floats
            .iter()
            .zip(expected)
            .all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6),
        "{floats:?}"
    );
    assert_eq!(params.top_k, 3);
    let StageSpec::Generate(short) = read("generate: {model: a}").unwrap() else {
        panic!()
    };
    assert_eq!(*short, GenerateOptions::new("a"));
}

#[test]
fn every_key_of_validate_is_read() {
    let yaml = r#"
validate:
  max_chars: 2000
  forbidden: [as an AI, {regex: '\d{16}'}]
  regex: '^(yes|no)'
  json_schema: schema.json
  language: [en, deu]
  grounding: {threshold: 0.6, ngram: 2, passages: found}
  judge: {steps: [ask, judge], pass: "answer is startingwith 'yes'"}
  on_failure: [repair, {retry: 3}, {fallback: "Sorry."}]
  refusal: {code: off_limits, message: "I do not talk about that."}
  stream: false
"#;
    let stage = read(yaml).unwrap();
    assert!(stage.takes_stream());
    let StageSpec::Validate(options) = stage else {
        panic!()
    };
    assert_eq!(options.max_chars, Some(2000));
    assert!(options.forbidden.is_some() && options.regex.is_some() && options.language.is_some());
    let schema = AnswerSchema::new(json!({"type": "object"})).unwrap();
    assert_eq!(options.json_schema, Some(schema));
    let grounding = options.grounding.as_ref().unwrap();
    assert_eq!((grounding.ngram, grounding.passages.as_str()), (2, "found"));
    assert_eq!(options.judge.as_ref().unwrap().steps, ["ask", "judge"]);
    let on_failure = &options.on_failure;
    assert_eq!(
        (on_failure.repair, on_failure.retry),
        (true, Some(Retry::Until(3)))
    );
    assert_eq!(on_failure.fallback.as_deref(), Some("Sorry."));
    assert_eq!(on_failure.refusal.code.as_deref(), Some("off_limits"));
    assert_eq!(options.stream, StreamMode::Never);
    let StageSpec::Validate(inline) = read("validate: {json_schema: {type: object}}").unwrap()
    else {
        panic!()
    };
    assert_eq!(inline.json_schema, options.json_schema);
    assert!(!inline.streams());
}

#[test]
fn every_key_of_http_is_read() {
    let yaml = r#"
http:
  url: "https://example.org/tickets/{{ label }}"
  method: PUT
  headers: {Authorization: Bearer x, X-Question: "{{ question }}"}
  json: {text: "{{ question }}", found: "{{ passages }}"}
  response: /data/0
  output: ticket
  timeout_s: 2.5
  max_response_bytes: 2MiB
  retries: 1
"#;
    let stage = read(yaml).unwrap();
    let reads: Vec<_> = stage.signature().reads.into_keys().collect();
    assert_eq!(reads, ["label", "passages", "question"]);
    let StageSpec::Http(options) = stage else {
        panic!()
    };
    assert_eq!((options.method, options.retries), (HttpMethod::Put, 1));
    assert_eq!(options.headers.len(), 2);
    assert_eq!(options.response, HttpResponse::Json("/data/0".to_owned()));
    assert_eq!(
        (options.output.as_str(), options.max_response_bytes),
        ("ticket", 2 << 20)
    );
    assert_eq!(options.timeout, Duration::from_millis(2500));
    let StageSpec::Http(short) = read("http: {url: 'http://a/', body: '{{ question }}'}").unwrap()
    else {
        panic!()
    };
    assert_eq!((short.method, short.retries), (HttpMethod::Post, 0));
    let StageSpec::Http(short) = read("http: {url: 'http://a/'}").unwrap() else {
        panic!()
    };
    assert_eq!((short.method, short.retries), (HttpMethod::Get, 2));
}

#[test]
fn every_key_of_process_is_read() {
    let yaml = "process: {command: [python3, a.py], folder: prompts, env: {A: b}, reads: [question], writes: [score], \
                timeout_s: 5, max_line_bytes: 1KiB, ready: line, start_timeout_s: 90}";
    let StageSpec::Process(options) = read(yaml).unwrap() else {
        panic!()
    };
    assert_eq!(options.command, ["python3", "a.py"]);
    assert!(options.folder.ends_with("configs/prompts"));
    assert_eq!(options.env, [("A".to_owned(), "b".to_owned())]);
    assert_eq!(
        options.readiness,
        Readiness::SaysSo(Duration::from_secs(90))
    );
    assert_eq!(
        (options.timeout, options.max_line_bytes),
        (Duration::from_secs(5), 1024)
    );
    let signature = options.signature();
    let names: Vec<_> = signature
        .reads
        .keys()
        .chain(signature.writes.keys())
        .collect();
    assert_eq!(names, ["question", "score"]);
}

/// What is wrong, and what is said of it behind the place.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn each_fault_is_named() {
    for (yaml, said) in [
        (
            "process: {command: [a], reads: [], writes: [], ready: 1}",
            "1:55: `d.process.ready` must be `line`: the child writes {\"ready\": true} when it takes requests, but is `1`",
        ),
        (
            "process: {command: [a], reads: [], writes: [], start_timeout_s: 5}",
            "1:65: `d.process.start_timeout_s` must be beside `ready: line`, whose time it is, but is `5`",
        ),
        (
            "prompt: {}",
            "1:9: `d.prompt.template` is missing; write for example `template: docs-assistant/answer.j2`",
        ),
        (
            "prompt: {template: none.j2}",
            "1:20: `d.prompt.template` must be the path of a template in prompts/ (there \
          is none at /configs/prompts/none.j2, /configs/../prompts/none.j2, /configs/none.j2), but is `none.j2`",
        ),
        (
            "prompt: {template: broken.j2}",
            "1:20: `d.prompt.template` must be a template that can be used (the \
          template `broken.j2`, line 2, is no Jinja template: syntax error",
        ),
        (
            "prompt: {template: inside.j2, tokenizer: a}",
            "1:42: `d.prompt.tokenizer` counts for `max_tokens`, which is \
          not set",
        ),
        (
            "prompt: {template: inside.j2, as: text, system: inside.j2}",
            "1:49: `d.prompt.system` belongs to a \
          conversation; with `as: text` leave it out",
        ),
        (
            "prompt: {system: inside.j2, history: false}",
            "1:38: `d.prompt.history: false` begins a new conversation",
        ),
        (
            "prompt: {template: inside.j2, output: 1a}",
            "1:39: `d.prompt.output` must be a name of letters",
        ),
        (
            "prompt: {template: inside.j2, max_token: 5}",
            "1:31: unknown key `d.prompt.max_token`; did you mean \
          `max_tokens`?",
        ),
        ("generate: {}", "1:11: `d.generate.model` is missing"),
        (
            "generate: {model: a, temperature: 3}",
            "1:35: `d.generate.temperature` must be a number from 0 to 2, but is \
          `3`",
        ),
        (
            "generate: {model: a, stop: ['']}",
            "1:28: `d.generate.stop` must be a text or a list of texts",
        ),
        (
            "generate: {model: a, messages: m, prompt: p}",
            "1:43: `d.generate.prompt` and `messages` exclude each other",
        ),
        (
            "validate: {}",
            "1:11: `d.validate.forbidden` is missing; write at least one rule: max_chars, forbidden, ",
        ),
        (
            "validate: {forbidden: [{regex: 'a('}]}",
            "1:23: `d.validate.forbidden` must be a list of texts and of \
          `{regex: PATTERN}` (`a(` is no regular expression: unclosed group), but is a list",
        ),
        (
            "validate: {json_schema: none.json}",
            "1:25: `d.validate.json_schema` must be a JSON Schema, or the path of a \
          file that holds one (there is none at /configs/none.json), but is `none.json`",
        ),
        (
            "validate: {json_schema: text.json}",
            "1:25: `d.validate.json_schema` must be a JSON Schema, or the path of a \
          file that holds one (it is no JSON: expected ident",
        ),
        (
            "validate: {json_schema: {type: nonsense}}",
            "1:25: `d.validate.json_schema`: this is no JSON Schema that can \
          be used: ",
        ),
        (
            "validate: {language: xx}",
            "1:22: `d.validate.language` must be languages by their codes (`xx` is no language that \
          can be told",
        ),
        (
            "validate: {max_chars: 5, on_failure: [retry, repair]}",
            "1:38: `d.validate.on_failure` must be remedies in \
          the order repair, retry, fallback, refuse, each once, but is a list",
        ),
        (
            "validate: {max_chars: 5, on_failure: [retry, refuse]}",
            "1:38: `d.validate.on_failure` must be a list in \
          which nothing stands behind what always helps, as `retry` does",
        ),
        (
            "validate: {max_chars: 5, on_failure: {retry: 0}}",
            "1:38: `d.validate.on_failure` must be repair, retry, \
          {retry: 3}, {fallback: TEXT} or refuse, or a list of them (`retry` is a whole number from 1 to 100)",
        ),
        (
            "validate: {max_chars: 5, stream: maybe}",
            "1:34: `d.validate.stream` must be auto, true or false, but is \
          `maybe`",
        ),
        (
            "validate: {max_chars: 5, stream: true, on_failure: retry}",
            "1:34: `d.validate.stream`: what was passed on cannot be taken back; leave out `retry`",
        ),
        (
            "validate: {judge: {steps: [a]}}",
            "1:19: `d.validate.judge.pass` is missing",
        ),
    ] {
        let faults = read(yaml).expect_err(yaml);
        let first = format!("a.yaml:{said}");
        assert!(
            faults.starts_with(&first),
            "{yaml} is answered with\n{faults}\nand not with\n{first}"
        );
        assert_eq!(faults.lines().count(), 1, "{faults}");
    }
}

#[test]
fn an_embed_names_its_encoder_and_its_variables() {
    let StageSpec::Embed(options) = read("embed: {encoder: minilm}").unwrap() else {
        panic!()
    };
    let names = (options.input.as_str(), options.output.as_str());
    assert_eq!(names, ("question", "embedding"));
    let stage = read("embed: {encoder: minilm, input: texts, output: v}").unwrap();
    assert_eq!((stage.encoder(), stage.key()), (Some("minilm"), "embed"));
    let signature = stage.signature();
    assert_eq!(signature.reads["texts"], Kind::Any);
    assert_eq!(signature.writes["v"], Kind::List);
    let faults = read("embed: {input: 7, model: minilm}").unwrap_err();
    let said = "a.yaml:1:8: `d.embed.encoder` is missing; write for example `encoder: minilm`\n\
                a.yaml:1:16: `d.embed.input` must be a name of letters, digits and _ that begins with none \
                of the digits, but is `7`\n\
                a.yaml:1:19: unknown key `d.embed.model`; known are encoder, input, output";
    assert_eq!(faults, said);
}

#[test]
fn every_key_of_lookup_is_read() {
    let StageSpec::Lookup(options) = read("lookup: {collection: docs}").unwrap() else {
        panic!()
    };
    let near = LookupNear {
        vector: LookupVector::Of("question".to_owned()),
        score_threshold: None,
    };
    let by_default = LookupOptions {
        collection: "docs".to_owned(),
        by: LookupBy::Hybrid(near, "question".to_owned()),
        filter: None,
        top_k: 5,
        output: "passages".to_owned(),
    };
    assert_eq!(*options, by_default);

    let yaml = "lookup: {collection: docs, mode: dense, vector: v, top_k: 3, score_threshold: 0.25, \
                output: found, filter: {must_not: [{key: draft, match: {value: true}}]}}";
    let stage = read(yaml).unwrap();
    assert_eq!((stage.collection(), stage.key()), (Some("docs"), "lookup"));
    let StageSpec::Lookup(options) = stage else {
        panic!()
    };
    let near = LookupNear {
        vector: LookupVector::Variable("v".to_owned()),
        score_threshold: Some(0.25),
    };
    assert_eq!(options.by, LookupBy::Dense(near));
    assert_eq!((options.top_k, options.output.as_str()), (3, "found"));
    assert!(options.filter.is_some());

    let StageSpec::Lookup(options) =
        read("lookup: {collection: docs, mode: sparse, query: words}").unwrap()
    else {
        panic!()
    };
    assert_eq!(options.by, LookupBy::Sparse("words".to_owned()));
}

#[test]
fn a_lookup_that_cannot_be_is_refused_with_every_fault() {
    let faults = read(
        "lookup:\n  mode: exact\n  top_k: 0\n  score_threshold: 2\n  filter: {must: [{key: a}]}\n",
    );
    let said = "a.yaml:2:3: `d.lookup.collection` is missing; write for example `collection: docs`\n\
                a.yaml:2:9: `d.lookup.mode` must be dense, sparse or hybrid, but is `exact`\n\
                a.yaml:3:10: `d.lookup.top_k` must be a whole number from 1 to 1000, but is `0`\n\
                a.yaml:4:20: `d.lookup.score_threshold` must be a cosine similarity from -1 to 1, but is `2`\n\
                a.yaml:5:11: `d.lookup.filter` cannot be used: a condition is `key` with `match` or `range`, \
                or `is_empty` with its `key`, or a filter of its own";
    assert_eq!(faults.unwrap_err(), said);
    for (yaml, said) in [
        (
            "lookup: {collection: docs, mode: sparse, vector: v}",
            "`d.lookup.vector` belongs to a search by meaning, which `mode: sparse` does without; leave it out",
        ),
        (
            "lookup: {collection: docs, mode: sparse, score_threshold: 0.1}",
            "`d.lookup.score_threshold` belongs to a search by meaning",
        ),
        (
            "lookup: {collection: docs, mode: dense, vector: v, query: q}",
            "`d.lookup.query` is not looked at where `mode: dense` has a `vector`; leave it out",
        ),
        (
            "lookup: {collection: docs, filter: {must: [{key: \"{{ k }}\", match: {value: 1}}]}}",
            "`d.lookup.filter` cannot be used: `{{ k }}` stands where no variable may",
        ),
    ] {
        let faults = read(yaml).unwrap_err();
        assert!(faults.contains(said), "{faults}");
    }
}
