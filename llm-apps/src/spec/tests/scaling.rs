//! Routers, shares of the machine, and objectives, as they are read.

use std::collections::BTreeMap;
use std::path::Path;

use super::parse;
use crate::deployment::machine::{Machine, Share};
use crate::deployment::router::RouterConfig;
use crate::deployment::{Replicas, StreamPart};
use crate::spec::{ServeConfig, complete};

const FILE: &str = "
models: [{name: smol, source: smollm2-135m-instruct}]
applications:
  - name: app
    slo: {ttft_p95: 0.5, itl_p95: 0.05}
    pipeline: [worker, answer, check]
    deployments:
      - name: worker
        process: {command: [work], reads: [question], writes: [score]}
        num_cpus: 1.5
        request_router_config: {router: session}
      - name: answer
        generate: {model: smol}
        autoscaling_config: {max_replicas: 4, upscale_delay_s: 5}
        request_router_config: {router: prefix_aware, imbalanced_threshold: 3}
      - name: check
        validate: {max_chars: 100}
        num_replicas: 2
";

#[test]
fn routers_shares_and_objectives_are_read() {
    let config = parse(FILE).unwrap();
    let application = &config.applications[0];
    let [worker, answer, check] = application.deployments.as_slice() else {
        panic!("three deployments")
    };
    assert_eq!(worker.config.router, RouterConfig::Session);
    assert_eq!(worker.config.resources.cpus, Share::new(1.5).unwrap());
    let RouterConfig::PrefixAware(router) = &answer.config.router else {
        panic!("{:?}", answer.config.router)
    };
    assert_eq!(router.variable.as_deref(), Some("messages"));
    assert_eq!(router.imbalanced_threshold, 3);
    assert!(matches!(answer.config.replicas, Replicas::Planned(_)));
    assert_eq!(check.config.replicas, Replicas::Fixed(2));
    assert_eq!(application.slo.as_ref().unwrap().objectives().len(), 2);
    let parts = [StreamPart::Before, StreamPart::Streams, StreamPart::Behind];
    assert_eq!(application.stream_parts(), parts);
}

/// What waits for the whole answer has no answer that is read meanwhile before it.
#[test]
fn an_answer_that_is_waited_for_does_not_stream() {
    let edits = [
        ("validate: {max_chars: 100}", "validate: {regex: x}"),
        (", itl_p95: 0.05", ""),
    ];
    let edited = edits.iter().fold(FILE.to_owned(), |file, (old, new)| {
        assert!(file.contains(old));
        file.replace(old, new)
    });
    let config = parse(&edited).unwrap();
    let parts = config.applications[0].stream_parts();
    // A validation can always take a stream; it holds it back.
    assert_eq!(parts[0], StreamPart::Before);
    let looped = edited.replace(
        "[worker, answer, check]",
        "[worker, {loop: {steps: [answer, check], until: 'true'}}]",
    );
    let config = parse(&looped).unwrap();
    assert_eq!(
        config.applications[0].stream_parts(),
        [StreamPart::Before; 3]
    );
}

#[test]
fn what_the_machine_does_not_have_is_a_fault() {
    let refused = |machine: &Machine, file: &str| {
        let vars = BTreeMap::new();
        let parsed =
            ServeConfig::parse_for(machine, "f.yaml", Path::new(""), file.as_bytes(), &vars);
        parsed.map(|_| ()).map_err(|faults| faults.to_string())
    };
    assert_eq!(refused(&Machine::new(2, 0), FILE), Ok(()));
    let said = "f.yaml:10:19: `applications[0].deployments[0].num_cpus`: 1.5 CPUs are more than the \
                machine has: 1 CPUs and 0 GPUs";
    assert_eq!(refused(&Machine::new(1, 0), FILE), Err(said.to_owned()));
    let gpus = FILE.replace("num_cpus: 1.5", "num_gpus: 0.5");
    let said = "f.yaml:10:19: `applications[0].deployments[0].num_gpus`: 0.5 GPUs are more than the \
                machine has: 64 CPUs and 0 GPUs";
    assert_eq!(refused(&Machine::new(64, 0), &gpus), Err(said.to_owned()));
    assert_eq!(refused(&Machine::new(64, 1), &gpus), Ok(()));
}

/// What is made complete is a file that is taken.
#[test]
fn a_complete_file_with_objectives_means_the_same() {
    let short: serde_json::Value = serde_saphyr::from_str(FILE).unwrap();
    let long = complete(short).to_string();
    let (short, long) = (parse(FILE).unwrap(), parse(&long).unwrap());
    let configs = |config: &ServeConfig| -> Vec<_> {
        let deployments = config.applications[0].deployments.iter();
        deployments.map(|d| d.config.clone()).collect()
    };
    assert_eq!(configs(&short), configs(&long));
}
