//! Files that are right, and a folder of files that are not, each with its message.

mod beside;
mod scaling;
mod schema;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use engine::hub::ModelReference;
use engine::kernels::KernelError;
use engine::{Activations, Device, Isa, KvCacheDtype};
use engine::{ModelError, OpenError, StartError};
use engine::{Speculation, SpeculationMethod};

use super::{AllowOrigins, ByteSize, GrpcOptions, ServeConfig};

fn parse(yaml: &str) -> Result<ServeConfig, String> {
    let vars = BTreeMap::from([("PORT".to_owned(), "9000".to_owned())]);
    ServeConfig::parse(
        "test.yaml",
        Path::new("/etc/penstock"),
        yaml.as_bytes(),
        &vars,
    )
    .map_err(|faults| faults.to_string())
}

/// Every file in `bad/` begins with the lines that it must be answered with, after `# expect: `.
#[test]
fn each_bad_file_gets_its_message() {
    // Tests run in the crate's folder.
    let folder = Path::new("src/spec/tests/bad");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "the folder is there");
    let mut wrong = String::new();
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let expected = text
            .lines()
            .map_while(|line| line.strip_prefix("# expect: "));
        let name = path.file_name().unwrap().to_str().unwrap();
        let faults = ServeConfig::parse("", folder, &bytes, &BTreeMap::new())
            .map(|_| ())
            .expect_err(name)
            .to_string();
        if expected.collect::<Vec<_>>() != faults.lines().collect::<Vec<_>>() {
            writeln!(wrong, "{name} is answered with\n{faults}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_quickstart_file_says_every_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.yaml");
    let mut quickstart = ServeConfig::load(&path, &BTreeMap::new()).unwrap();
    // The one thing that is not a default: what the makers of its model advise.
    let short = "models: [{name: smollm2-135m-instruct, source: smollm2-135m-instruct, \
                 sampling_defaults: {temperature: 0.2, top_p: 0.9}}]";
    let short = parse(short).unwrap();
    quickstart.models[0].places = short.models[0].places.clone();
    assert_eq!(quickstart, short);
    // And every key of the file is one that is written out, so that none is forgotten.
    let text = std::fs::read_to_string(path).unwrap();
    for &key in KEYS {
        assert!(
            text.contains(&format!("{key}:")),
            "{key} is missing from quickstart.yaml"
        );
    }
}

const KEYS: &[&str] = &[
    "http_options",
    "host",
    "port",
    "max_body_bytes",
    "body_timeout_s",
    "max_connections",
    "keep_alive_interval_s",
    "retry_after_s",
    "drain_settle_s",
    "graceful_shutdown_timeout_s",
    "request_timeout_s",
    "allow_origins",
    "strict",
    "max_ongoing_requests",
    "max_queued_requests",
    "max_concurrent_prepares",
    "max_choices",
    "data_dir",
    "models",
    "name",
    "source",
    "aliases",
    "engine",
    "kv_cache",
    "max_model_len",
    "max_num_seqs",
    "max_num_batched_tokens",
    "target_itl_s",
    "max_requests",
    "enable_prefix_caching",
    "kv_tiers",
    "speculation",
    "device",
    "threads",
    "activations",
    "kv_cache_dtype",
    "packed_weights",
    "isa",
];

#[test]
#[expect(
    clippy::too_many_lines,
    clippy::float_cmp,
    reason = "one file with every key, each read as it is written"
)]
fn every_key_is_read() {
    let config = parse(
        r#"
http_options:
  host: "::1"
  port: ${PORT:-8000}
  max_body_bytes: 1MiB
  body_timeout_s: 5
  max_connections: 10
  keep_alive_interval_s: 0.5
  retry_after_s: 3
  drain_settle_s: 0
  graceful_shutdown_timeout_s: 60
  request_timeout_s: 90.5
  allow_origins: [https://example.org, "http://localhost:3000"]
grpc_options: {port: 9001, host: 0.0.0.0, reflection: false, request_timeout_s: 60}
strict: true
max_ongoing_requests: 64
max_queued_requests: 0
max_concurrent_prepares: 2
max_choices: 8
data_dir: state
models:
  - name: small
    source: weights/${NAME:-model}.gguf
    aliases: [gpt-4o-mini, default]
    engine:
      kv_cache: 512MiB
      max_model_len: 2048
      max_num_seqs: 8
      max_num_batched_tokens: 64
      target_itl_s: 0.025
      max_requests: 32
      enable_prefix_caching: false
      kv_tiers: {ram: 2GiB, disk: {path: cache/kv, size: 10GiB}}
      device: cuda:1
      threads: 2
      activations: mixed
      kv_cache_dtype: int8
      packed_weights: cache/packed
      isa: avx2
      speculation: {method: ngram, num_speculative_tokens: 6, prompt_lookup_min: 3}
    sampling_defaults: {temperature: 0.2, top_p: 0.9, top_k: 40, min_p: 0.05, repetition_penalty: 1.1,
      presence_penalty: 0.5, frequency_penalty: -0.5, max_tokens: 100}
  - name: other
    source: "hf://owner/name@v1/q8.gguf"
    engine: {speculation: {method: draft, draft_model: weights/tiny.gguf}}
"#,
    )
    .unwrap();
    let http = &config.http_options;
    assert_eq!(
        (http.host.as_str(), http.port, http.max_body_bytes),
        ("::1", 9000, 1 << 20)
    );
    assert_eq!(http.keep_alive_interval, Duration::from_millis(500));
    assert_eq!(http.retry_after, Duration::from_secs(3));
    assert_eq!(http.request_timeout, Some(Duration::from_millis(90_500)));
    let grpc = GrpcOptions {
        host: "0.0.0.0".to_owned(),
        port: 9001,
        reflection: false,
        request_timeout: Some(Duration::from_secs(60)),
    };
    assert_eq!(config.grpc_options, Some(grpc));
    let AllowOrigins::Only(origins) = &http.allow_origins else {
        panic!()
    };
    assert_eq!(origins, &["https://example.org", "http://localhost:3000"]);
    assert!(config.strict);
    assert_eq!(
        config.data_dir.as_deref(),
        Some(Path::new("/etc/penstock/state"))
    );
    assert_eq!(
        (config.max_ongoing_requests, config.max_queued_requests),
        (64, 0)
    );
    let [small, other] = config.models.as_slice() else {
        panic!()
    };
    assert_eq!(
        small.source,
        ModelReference::Path("/etc/penstock/weights/model.gguf".into())
    );
    assert_eq!(small.aliases, ["gpt-4o-mini", "default"]);
    let engine = &small.engine;
    assert_eq!(
        (engine.kv_cache_bytes, engine.max_model_len),
        (512 << 20, Some(2048))
    );
    assert_eq!(
        (engine.max_num_seqs, engine.max_num_batched_tokens),
        (8, 64)
    );
    assert_eq!(engine.target_itl, Duration::from_millis(25));
    assert_eq!(
        (engine.max_requests, engine.enable_prefix_caching),
        (32, false)
    );
    let tiers = engine.kv_tiers.as_ref().unwrap();
    let disk = tiers.disk.as_ref().unwrap();
    assert_eq!((tiers.ram_bytes, disk.bytes), (2 << 30, 10 << 30));
    assert_eq!(disk.path, Path::new("/etc/penstock/cache/kv"));
    assert_eq!(engine.threads.map(std::num::NonZero::get), Some(2));
    assert_eq!(engine.activations, Activations::Mixed);
    assert_eq!(engine.kv_cache_dtype, KvCacheDtype::Int8);
    let packed = engine.packed_weights.as_deref();
    assert_eq!(packed, Some(Path::new("/etc/penstock/cache/packed")));
    assert_eq!((engine.isa, other.engine.isa), (Some(Isa::Avx2), None));
    assert_eq!(engine.device, Device::Cuda { ordinal: 1 });
    assert_eq!(other.engine.device, Device::Cpu);
    let ngram = Speculation {
        num_speculative_tokens: 6,
        method: SpeculationMethod::Ngram {
            prompt_lookup_min: 3,
            prompt_lookup_max: 4,
        },
    };
    assert_eq!(engine.speculation, Some(ngram));
    let draft = other.draft_model.as_ref().unwrap();
    assert_eq!(
        (&draft.source, draft.num_speculative_tokens),
        (
            &ModelReference::Path("/etc/penstock/weights/tiny.gguf".into()),
            4
        )
    );
    assert_eq!(other.engine.speculation, None, "it is not there yet");
    let mut params = engine::SamplingParams::default();
    small.sampling_defaults.apply(&mut params);
    let floats = [
        params.temperature,
        params.top_p,
        params.min_p,
        params.repetition_penalty,
        params.presence_penalty,
        params.frequency_penalty,
    ];
    assert_eq!(floats, [0.2, 0.9, 0.05, 1.1, 0.5, -0.5]);
    assert_eq!((params.top_k, params.max_tokens), (40, 100));
    assert!(
        matches!(&other.source, ModelReference::Hub(hub) if hub.file.as_deref() == Some("q8.gguf"))
    );
}

#[test]
fn a_variable_that_is_a_secret_is_not_shown() {
    let vars = BTreeMap::from([("SECRET".to_owned(), "hunter2".to_owned())]);
    let yaml = b"http_options: {port: '${SECRET}'}\nmodels: [{name: a, source: a}]";
    let faults = ServeConfig::parse("t.yaml", Path::new(""), yaml, &vars)
        .unwrap_err()
        .to_string();
    assert!(faults.contains("but is `${SECRET}`"), "{faults}");
    assert!(!faults.contains("hunter2"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of faults and their texts")]
fn what_shows_when_a_model_is_opened_has_its_place_in_the_file() {
    let yaml = "models:\n  - name: a\n    source: ./a.gguf\n    engine:\n      kv_cache: 16MiB\n  \
                - {name: b, source: ./b.gguf}\n";
    let config = parse(yaml).unwrap();
    let [told, silent] = config.models.as_slice() else {
        panic!()
    };
    let small = OpenError::Model(ModelError::CacheTooSmall {
        bytes: 16 << 20,
        max_model_len: 8192,
        needed: (90 << 20) + 1,
    });
    let long = OpenError::Model(ModelError::Config {
        knob: "max_model_len",
        expected: "from 1 to the model's 8192".to_owned(),
        found: 9000,
    });
    let large = OpenError::Model(ModelError::Config {
        knob: "kv_cache_bytes",
        expected: "no more than the memory that this process can have".to_owned(),
        found: 1 << 50,
    });
    let step = OpenError::Start(StartError::OutOfRange {
        param: "max_num_batched_tokens",
        expected: "at least max_num_seqs, 64".to_owned(),
        value: 8,
    });
    let absent = OpenError::Model(ModelError::DeviceNotBuilt {
        device: Device::Cuda { ordinal: 0 },
    });
    let narrow = OpenError::Model(ModelError::DeviceCache(KvCacheDtype::Int8));
    let lacking = OpenError::Model(ModelError::Kernel(KernelError::IsaMissing {
        wanted: Isa::Avx512Vnni,
        best: Isa::Avx2,
    }));
    let torn = OpenError::Model(ModelError::NotFound(
        "\"/a\" has no tokenizer.json".to_owned(),
    ));
    for (model, error, expected) in [
        (
            told,
            &small,
            "test.yaml:5:17: `models[0].engine.kv_cache` must be 91 MiB or more for one context of \
             8192 tokens, but is 16 MiB; or set a smaller `max_model_len`",
        ),
        (
            told,
            &long,
            "test.yaml:5:7: `models[0].engine.max_model_len` must be from 1 to the model's 8192, \
             but is 9000",
        ),
        (
            silent,
            &large,
            "test.yaml:6:5: `models[1].engine.kv_cache` must be no more than the memory that this \
             process can have, but is 1024 TiB",
        ),
        (
            silent,
            &step,
            "test.yaml:6:5: `models[1].engine.max_num_batched_tokens` must be at least \
             max_num_seqs, 64, but is 8",
        ),
        (
            told,
            &absent,
            "test.yaml:5:7: `models[0].engine.device` cannot be used: device cuda:0 is not in this \
             program; build it with `cargo build --release --features cuda`",
        ),
        (
            told,
            &narrow,
            "test.yaml:5:7: `models[0].engine.kv_cache_dtype` must be f16 where `device` is a GPU, \
             but is int8",
        ),
        (
            told,
            &lacking,
            "test.yaml:5:7: `models[0].engine.isa` cannot be used: the processor lacks what \
             avx512_vnni needs; the best it has is avx2",
        ),
        (
            told,
            &torn,
            "test.yaml:3:13: `models[0].source` cannot be opened: \"/a\" has no tokenizer.json",
        ),
    ] {
        let fault = model.fault_of(error).map(|fault| fault.to_string());
        assert_eq!(fault.as_deref(), Some(expected));
    }
    let thread = OpenError::Start(StartError::Thread("no more".to_owned()));
    assert_eq!(told.fault_of(&thread), None, "the file has no part in it");
}

#[test]
fn files_that_are_no_configuration_at_all() {
    assert!(
        parse("")
            .unwrap_err()
            .starts_with("test.yaml: the file is empty")
    );
    assert!(
        parse("just text")
            .unwrap_err()
            .contains("test.yaml:1:1: the file must hold keys")
    );
    assert!(parse("[1, 2]").unwrap_err().contains("but is a list"));
    let huge = format!("# {}\n", "x".repeat(2 << 20));
    assert!(parse(&huge).unwrap_err().contains("larger than"));
    let missing = ServeConfig::load(Path::new("/no/such.yaml"), &BTreeMap::new()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "cannot read the configuration `/no/such.yaml`"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    #[test]
    fn no_file_panics(text in "(models|http_options|- name|engine|port|[a-z]|\\$\\{[A-Z:-]{0,3}\\}?|[:\\[\\]{}&*!|>'\"#% \n-]|[0-9.]{1,3}){0,40}") {
        drop(parse(&text));
    }

    #[test]
    fn sizes_in_a_file_are_read_back(mebibytes in 1_u64..=1 << 20) {
        let yaml = format!("models: [{{name: a, source: a, engine: {{kv_cache: {mebibytes}MiB}}}}]");
        let config = parse(&yaml).unwrap();
        let bytes = ByteSize(mebibytes << 20).to_usize().unwrap();
        proptest::prop_assert_eq!(config.models[0].engine.kv_cache_bytes, bytes);
    }
}
