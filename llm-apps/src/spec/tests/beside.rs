//! What stands beside the models: collections, upstreams, applications.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use engine::hub::ModelReference;

use super::parse;
use crate::deployment::autoscaling::TargetCapacity;
use crate::deployment::{DeploymentConfig, Replicas};
use crate::ingest::{ChunkSize, ChunkUnit};
use crate::spec::{ServeConfig, StepKind, StoreSpec};
use crate::stage::upstream::{MaxTokensField, Secret, UpstreamOptions};

#[test]
fn collections_know_their_encoder_and_place() {
    let config = parse(
        "models: [{name: m, source: m}]\n\
         encoders: [{name: minilm, source: all-minilm-l6-v2, batch_wait_timeout_s: 0.5}]\n\
         collections:\n  - {name: docs, encoder: minilm, store: data/docs, max_points: 7}\n  \
         - {name: kb, encoder: minilm, qdrant: {url: \"http://q:6334\", api_key: \"k${PORT}\"}, \
            chunk: {unit: characters, size: 1000}}\n",
    )
    .unwrap();
    assert_eq!(
        config.encoders[0].source,
        ModelReference::Name("all-minilm-l6-v2".to_owned())
    );
    assert_eq!(
        config.encoders[0].config.batch_wait_timeout,
        Duration::from_millis(500)
    );
    let StoreSpec::Embedded { folder, options } = &config.collections[0].store else {
        panic!("docs is embedded");
    };
    assert_eq!(
        (folder.as_path(), options.max_points),
        (Path::new("/etc/penstock/data/docs"), 7)
    );
    assert_eq!(config.collections[0].chunk, ChunkSize::default());
    let StoreSpec::Qdrant(server) = &config.collections[1].store else {
        panic!("kb is on a server");
    };
    assert_eq!(
        (server.url.as_str(), server.api_key.as_deref()),
        ("http://q:6334", Some("k9000"))
    );
    let chunk = config.collections[1].chunk;
    assert_eq!(
        (chunk.unit, chunk.size, chunk.overlap),
        (ChunkUnit::Characters, 1000, 30)
    );
}

#[test]
fn upstreams_stand_beside_models_or_alone() {
    let config = parse(
        "upstreams:\n  - {name: gpt, base_url: \"https://api.example/v1/\", api_key: \"k${PORT}\", \
         model: gpt-4o-mini, timeout_s: 5, max_retries: 0, headers: {X-Team: blue}, \
         max_response_bytes: 1MiB, max_tokens_field: max_completion_tokens}\n  \
         - {name: near, base_url: \"http://localhost:9/v1\"}\n\
         applications: [{name: a, pipeline: [ask], deployments: [{name: ask, generate: {model: gpt}}]}]\n",
    )
    .unwrap();
    assert!(config.models.is_empty() && config.applications.len() == 1);
    let expected = UpstreamOptions {
        api_key: Some(Secret::new("k9000")),
        model: "gpt-4o-mini".to_owned(),
        timeout: Duration::from_secs(5),
        max_retries: 0,
        headers: vec![("X-Team".to_owned(), Secret::new("blue"))],
        max_response_bytes: 1 << 20,
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        ..UpstreamOptions::new("gpt", "https://api.example/v1")
    };
    assert_eq!(config.upstreams[0].options, expected);
    let near = UpstreamOptions::new("near", "http://localhost:9/v1");
    assert_eq!(config.upstreams[1].options, near);
    let printed = format!("{config:?}");
    assert!(
        !printed.contains("k9000") && !printed.contains("blue"),
        "{printed}"
    );
}

#[test]
fn an_application_is_read_with_its_stages_and_its_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/extractor.yaml");
    let config = ServeConfig::load(&path, &BTreeMap::new()).unwrap();
    let [application] = config.applications.as_slice() else {
        panic!("one application")
    };
    assert_eq!(application.name, "extractor");
    assert_eq!(application.route_prefix.as_deref(), Some("/extractor"));
    assert_eq!(application.output, "answer");
    let StepKind::Loop {
        steps,
        max_attempts,
        ..
    } = &application.pipeline[0].kind
    else {
        panic!("a loop")
    };
    let called: Vec<_> = steps.iter().map(|step| &step.kind).collect();
    let calls = [StepKind::Call(0), StepKind::Call(1), StepKind::Call(2)];
    assert_eq!(called, calls.iter().collect::<Vec<_>>());
    assert_eq!(*max_attempts, 3);
    let [compose, answer, check] = application.deployments.as_slice() else {
        panic!("three deployments")
    };
    assert_eq!(compose.config, DeploymentConfig::default());
    assert_eq!(answer.config.max_ongoing_requests, 8);
    let Replicas::Auto(auto) = &answer.config.replicas else {
        panic!("it scales")
    };
    assert_eq!(auto.bounds(TargetCapacity::FULL).max, 4);
    assert_eq!(check.config.replicas, Replicas::Fixed(2));
    assert!(check.stage.takes_stream() && !answer.stage.takes_stream());
}

#[test]
fn a_file_to_ingest_with_needs_no_model() {
    let text = "encoders: [{name: minilm, source: m}, {name: other, source: o}]\n\
                collections: [{name: docs, encoder: minilm, store: d}, {name: more, encoder: other, store: e}]\n";
    let config = parse(text).unwrap();
    assert!(config.models.is_empty());
    assert!(config.used_collections().is_empty());

    // Encoders are served by themselves; of the collections a server opens those that applications use.
    let searches = "applications: [{name: search, pipeline: [find], output: passages, \
                    deployments: [{name: find, lookup: {collection: docs}}]}]";
    let config = parse(&format!("{text}{searches}")).unwrap();
    let served: Vec<_> = config.encoders.iter().map(|e| &e.name).collect();
    assert_eq!(served, ["minilm", "other"]);
    let used: Vec<_> = config.used_collections().iter().map(|c| &c.name).collect();
    assert_eq!(used, ["docs"]);
}
