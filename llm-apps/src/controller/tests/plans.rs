//! What a change of the configuration does to what runs.

use std::collections::BTreeMap;
use std::path::Path;

use crate::controller::{Action, Plan};
use crate::spec::{ServeConfig, complete};

/// Edits of a configuration, and what they do.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const BEFORE: &str = "
models:
  - {name: small, source: ./small.gguf}
applications:
  - name: app
    pipeline: [ask, answer, check]
    deployments:
      - {name: ask, http: {url: 'http://localhost/', json: {q: '{{ question }}'}, output: found}}
      - {name: answer, generate: {model: small, max_tokens: 5}}
      - {name: check, validate: {max_chars: 100, judge: {steps: [ask], pass: 'true'}}}
  - name: other
    pipeline: [answer]
    deployments:
      - {name: answer, generate: {model: small}, num_replicas: 2}
";

fn parse(yaml: &str) -> ServeConfig {
    let read = ServeConfig::parse("app.yaml", Path::new(""), yaml.as_bytes(), &BTreeMap::new());
    read.unwrap_or_else(|faults| panic!("{faults}"))
}

/// What `edits` do to `BEFORE`.
fn done(edits: &[(&str, &str)]) -> Vec<String> {
    done_to(BEFORE, edits)
}

/// What `edits` do to `before`: only what does not stay, as `action name (because)`.
fn done_to(before: &str, edits: &[(&str, &str)]) -> Vec<String> {
    let after = edits.iter().fold(before.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    let plan = Plan::between(Some(&parse(before)), &parse(&after));
    let mut all = Vec::new();
    let mut tell = |of: &str, planned: &crate::controller::Planned| {
        if planned.action != Action::Keep {
            let because = planned.because.join(", ");
            let action = format!("{:?}", planned.action).to_lowercase();
            all.push(format!("{action} {of}{} ({because})", planned.name));
        }
    };
    for resource in &plan.resources {
        tell("", resource);
    }
    for application in &plan.applications {
        tell("", &application.application);
        for deployment in &application.deployments {
            tell(&format!("{}/", application.application.name), deployment);
        }
    }
    assert_eq!(all.is_empty(), plan.is_empty());
    all
}

#[test]
fn what_changed_decides_what_restarts() {
    let cases: [Case; 9] = [
        (&[], &[]),
        // Elsewhere in the file, or written otherwise, it is the same.
        (
            &[
                ("\nmodels:", "\n\n# models\nmodels:"),
                ("max_tokens: 5}", "max_tokens: 0x5}"),
            ],
            &[],
        ),
        (
            &[("num_replicas: 2", "num_replicas: 3, max_queued_requests: 7")],
            &["update other/answer (num_replicas, max_queued_requests)"],
        ),
        (
            &[("max_tokens: 5", "max_tokens: 6")],
            &["roll app/answer (generate)"],
        ),
        (
            &[("./small.gguf", "./large.gguf")],
            &[
                "roll small ()",
                "roll app/answer (models)",
                "roll other/answer (models)",
            ],
        ),
        // The judge calls what is replaced, and must call the new one.
        (
            &[("output: found", "output: facts")],
            &["replace app/ask (http)", "replace app/check (judge)"],
        ),
        (
            &[(
                "pipeline: [ask, answer, check]",
                "pipeline: [answer, ask, check]\n    route_prefix: /a",
            )],
            &["update app (route_prefix, pipeline)"],
        ),
        (
            &[("name: other", "name: another")],
            &[
                "start another ()",
                "start another/answer ()",
                "stop other ()",
                "stop other/answer ()",
            ],
        ),
        (
            &[("small", "tiny"), ("./tiny.gguf", "./small.gguf")],
            &[
                "start tiny ()",
                "stop small ()",
                "roll app/answer (generate)",
                "roll other/answer (generate)",
            ],
        ),
    ];
    for (edits, expected) in cases {
        assert_eq!(done(edits), expected, "{edits:?}");
    }
}

#[test]
fn from_nothing_everything_starts() {
    let plan = Plan::between(None, &parse(BEFORE));
    let started: Vec<_> = plan.changed_applications().collect();
    assert_eq!(started, ["app", "other"]);
    assert!(plan.resources.iter().all(|p| p.action == Action::Start));
    assert!(plan.renewed().is_empty(), "what is new has no users");
}

#[test]
fn a_configuration_made_complete_means_the_same() {
    for yaml in [BEFORE, "models: [{name: small, source: ./small.gguf}]\n"] {
        let short = serde_saphyr::from_str(yaml).unwrap();
        let complete = serde_saphyr::to_string(&complete(short)).unwrap();
        let (before, mut after) = (parse(yaml), parse(&complete));
        assert!(
            Plan::between(Some(&before), &after).is_empty(),
            "{complete}"
        );
        // A port that is named must be free; the same port as a default need not be.
        after.admin_options = before.admin_options.clone();
        assert_eq!(before.fixed_differences(&after), [""; 0], "{complete}");
        assert!(complete.contains("max_connections: 1024"), "{complete}");
    }
}

#[test]
fn those_who_ask_an_upstream_follow_it() {
    let with = |upstreams: &str, models: &str| {
        parse(&format!(
            "models: [{{name: other, source: ./o.gguf}}{models}]\nupstreams: [{upstreams}]\napplications:\n  \
             - {{name: a, pipeline: [ask], deployments: [{{name: ask, generate: {{model: gpt}}}}]}}\n"
        ))
    };
    let here = "{name: gpt, base_url: 'http://here/v1', api_key: k1}";
    let rekeyed = here.replace("k1", "k2");
    let unused = format!("{here}, {{name: far, base_url: 'http://far/v1'}}");
    let local = ", {name: gpt, source: ./g.gguf}";
    let done = |old: &ServeConfig, new: &ServeConfig| {
        let plan = Plan::between(Some(old), new);
        let asking = &plan.applications[0].deployments[0];
        (asking.action, asking.because.join(", "))
    };
    let before = with(here, "");
    assert_eq!(done(&before, &before), (Action::Keep, String::new()));
    assert_eq!(
        done(&before, &with(&unused, "")),
        (Action::Keep, String::new())
    );
    let rolled = |because: &str| (Action::Roll, because.to_owned());
    assert_eq!(done(&before, &with(&rekeyed, "")), rolled("upstreams"));
    assert_eq!(done(&before, &with("", local)), rolled("models"));
    assert_eq!(done(&with("", local), &before), rolled("upstreams"));
}

#[test]
fn a_small_model_that_changes_rolls_those_who_ask_it() {
    let yaml = "
encoders: [{name: minilm, source: ./minilm}]
classifiers: [{name: moods, source: ./moods}, {name: unused, source: ./unused}]
translators: [{name: t5, source: ./t5}]
applications:
  - name: app
    output: translation
    pipeline: [sort, mood, order, translate]
    deployments:
      - {name: sort, classify: {encoder: minilm, labels: {a: b, c: d}}}
      - {name: mood, classify: {classifier: moods, output: mood, scores: moods}}
      - {name: order, process: {command: [x], reads: [question], writes: [passages]}}
      - {name: translate, translate: {translator: t5}}
";
    let rolled = |old: &str, new: &str| {
        assert!(yaml.contains(old), "{old}");
        let plan = Plan::between(Some(&parse(yaml)), &parse(&yaml.replace(old, new)));
        let resources = plan.resources.iter();
        let deployments = plan.applications.iter().flat_map(|app| &app.deployments);
        let all = resources.chain(deployments);
        let rolled = all.filter(|planned| planned.action == Action::Roll);
        rolled
            .map(|planned| planned.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(rolled("./moods", "./m2"), ["classifiers.moods", "mood"]);
    assert_eq!(rolled("./t5", "./t6"), ["translators.t5", "translate"]);
    assert_eq!(rolled("./minilm", "./m2"), ["encoders.minilm", "sort"]);
    // Nobody asks it but by its name.
    assert_eq!(rolled("./unused", "./u2"), ["classifiers.unused"]);
}

#[test]
fn a_user_config_changes_in_place_and_is_a_variable_of_its_stage_alone() {
    let with = |config: &str| {
        (
            "json: {q: '{{ question }}'}, output: found}}",
            format!(
                "json: {{q: '{{{{ user_config.tone }}}}'}}, output: found}}, user_config: {config}}}"
            ),
        )
    };
    let yaml = |config: &str| {
        let (old, new) = with(config);
        BEFORE.replace(old, &new)
    };
    let before = parse(&yaml("{tone: kind}"));
    let plan = Plan::between(Some(&before), &parse(&yaml("{tone: terse}")));
    let ask = &plan.applications[0].deployments[0];
    assert_eq!(
        (ask.action, &*ask.because),
        (Action::Update, &["user_config".to_owned()][..])
    );
    // Without one, nobody makes the variable.
    let bare = yaml("null");
    let read = ServeConfig::parse("app.yaml", Path::new(""), bare.as_bytes(), &BTreeMap::new());
    let said = read.unwrap_err().to_string();
    assert!(
        said.contains("needs `user_config`, which no stage before it makes"),
        "{said}"
    );
}

#[test]
fn those_who_search_follow_their_collection_and_its_encoder() {
    let before = "
encoders:
  - {name: minilm, source: ./minilm}
  - {name: idle, source: ./idle}
collections:
  - {name: docs, encoder: minilm, store: docs, chunk: {size: 100}}
applications:
  - name: app
    pipeline: [encode, find]
    output: passages
    deployments:
      - {name: encode, embed: {encoder: minilm}}
      - {name: find, lookup: {collection: docs, vector: embedding}}
";
    let cases: [Case; 4] = [
        // How documents are cut is nothing to a server; an encoder that no application uses is served by its name.
        (
            &[("size: 100", "size: 50"), ("./idle", "./lazy")],
            &["roll encoders.idle ()"],
        ),
        (
            &[("store: docs", "store: more")],
            &["roll collections.docs ()", "roll app/find (collections)"],
        ),
        (
            &[("./minilm}", "./minilm, max_batch_size: 8}")],
            &[
                "roll encoders.minilm ()",
                "roll collections.docs ()",
                "roll app/encode (encoders)",
                "roll app/find (collections)",
            ],
        ),
        (
            &[("vector: embedding", "vector: embedding, top_k: 3")],
            &["roll app/find (lookup)"],
        ),
    ];
    for (edits, expected) in cases {
        assert_eq!(done_to(before, edits), expected, "{edits:?}");
    }
}
