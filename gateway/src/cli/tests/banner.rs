//! The banner, character for character.

use engine::{Activations, Device, Isa, Speculation, SpeculationMethod};

use crate::cli::run::{Addresses, Started, StartedCollection, StartedModel, StartedSmallModel};

fn started() -> Started {
    Started {
        version: "1.2.3",
        addresses: Addresses {
            url: "http://127.0.0.1:8000".to_owned(),
            admin: Some("http://127.0.0.1:8265".to_owned()),
            grpc: None,
        },
        applications: Vec::new(),
        collections: Vec::new(),
        small_models: Vec::new(),
        models: vec![StartedModel {
            name: "small".to_owned(),
            aliases: vec!["gpt-4o-mini".to_owned()],
            path: "/models/small.gguf".into(),
            architecture: "llama".to_owned(),
            parameters: 134_515_008,
            weight_bytes: 98_000_000,
            kv_cache_bytes: 1 << 30,
            kv_cache_tokens: 46_592,
            max_model_len: 8192,
            device: Device::Cpu,
            threads: 2,
            isa: Isa::Avx512Vnni,
            activations: Activations::Mixed,
            speculation: None,
            chats: true,
            notes: vec!["the weights are packed".to_owned()],
        }],
    }
}

#[test]
fn it_says_where_what_and_how_much() {
    let expected = r#"Penstock 1.2.3 listens on http://127.0.0.1:8000
Deploy and look at it on http://127.0.0.1:8265

  small (also gpt-4o-mini)
    model     llama, 134M parameters, 93.4 MiB in memory
    file      /models/small.gguf
    KV cache  1 GiB for 46,592 tokens; up to 8,192 a request
    compute   2 threads, AVX-512 VNNI, activations mixed
    note      the weights are packed

Try it:
  curl -N http://127.0.0.1:8000/v1/chat/completions -H 'content-type: application/json' -d '{"model": "small", "stream": true, "messages": [{"role": "user", "content": "What is the capital of France?"}]}'
"#;
    assert_eq!(started().to_string(), expected);
}

#[test]
fn a_model_that_does_not_chat_is_tried_with_a_completion() {
    let mut started = started();
    started.models[0].chats = false;
    let banner = started.to_string();
    assert!(banner.contains("/v1/completions"), "{banner}");
    assert!(!banner.contains("/chat/"), "{banner}");
}

#[test]
fn guesses_and_a_gpu_are_told() {
    let mut started = started();
    started.models[0].device = Device::Cuda { ordinal: 1 };
    for (method, from) in [
        (
            SpeculationMethod::Ngram {
                prompt_lookup_min: 2,
                prompt_lookup_max: 4,
            },
            "its own text, by 2 to 4 tokens",
        ),
        (
            SpeculationMethod::Draft {
                model: "/models/tiny.gguf".into(),
            },
            "the draft model /models/tiny.gguf",
        ),
    ] {
        started.models[0].speculation = Some(Speculation {
            num_speculative_tokens: 5,
            method,
        });
        let expected = format!(
            "    compute   cuda:1; sampling on 2 threads, AVX-512 VNNI\n    \
             guesses   up to 5 tokens a step, from {from}\n"
        );
        let banner = started.to_string();
        assert!(banner.contains(&expected), "{banner}");
    }
}

#[test]
fn an_empty_collection_says_how_it_is_filled() {
    let mut started = started();
    let docs = StartedCollection {
        name: "docs".to_owned(),
        encoder: "minilm".to_owned(),
        store: "/data/docs".to_owned(),
        is_held: true,
        passages: 1234,
        config: "my.yaml".into(),
    };
    let remote = StartedCollection {
        is_held: false,
        passages: 0,
        store: "http://localhost:6334".to_owned(),
        ..docs.clone()
    };
    let empty = StartedCollection {
        passages: 0,
        ..docs.clone()
    };
    started.collections = vec![docs, empty, remote];
    let expected = "
  docs
    passages  1,234, encoded by minilm
    store     /data/docs

  docs
    passages  0, encoded by minilm
    store     /data/docs
    warning   it is empty; stop this server and fill it: penstock ingest docs PATHS... --config my.yaml

  docs
    passages  0, encoded by minilm
    store     http://localhost:6334
    warning   it is empty; fill it: penstock ingest docs PATHS... --config my.yaml

Try it:
";
    let banner = started.to_string();
    assert!(banner.contains(expected), "{banner}");
}

#[test]
fn a_server_of_small_models_alone_is_tried_with_one() {
    let mut started = started();
    started.models.clear();
    started.small_models = vec![StartedSmallModel {
        name: "minilm".to_owned(),
        makes: "vectors of 384 numbers".to_owned(),
        max_seq_length: 256,
        asked: "/v1/embeddings",
    }];
    let expected = "
  minilm
    makes     vectors of 384 numbers
    texts     up to 256 tokens

Try it:
  curl http://127.0.0.1:8000/v1/embeddings -H 'content-type: application/json' -d '{\"model\": \"minilm\", \"input\": \"The mill grinds corn.\"}'
";
    let banner = started.to_string();
    assert!(banner.ends_with(expected), "{banner}");
}
