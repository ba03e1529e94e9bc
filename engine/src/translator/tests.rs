//! The model's logits beside those of `transformers`, at positions near and far, on the checkpoints of
//! `engine/tests/golden`; and descriptions that are refused.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::config::T5Config;
use super::model::T5;
use super::worker::likeliest;
use crate::checkpoint::Folder;

/// Largest difference of a logit from the reference's.
const TOLERANCE: f32 = 1e-4;

fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/checkpoints")
        .join(name)
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn logits_are_the_reference_s_near_and_far() {
    for name in ["translator", "rewriter"] {
        let path = checkpoint(name);
        let folder = Folder::new(&path);
        let config = T5Config::read(&folder).unwrap();
        let model = T5::load(&folder, &config).unwrap();
        let golden = std::fs::read(path.join("golden.json")).unwrap();
        let golden: Value = serde_json::from_slice(&golden).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let mut writing = model.read(&ids(&case["ids"])).unwrap();
            let mut token = config.start;
            let mut compared = 0;
            let forced = ids(&case["forced"]);
            for at in 0..=forced.len() {
                let logits = model.write(&mut writing, token).unwrap();
                if let Some(wanted) = case["logits"].get(at.to_string()) {
                    let wanted: Vec<f32> = serde_json::from_value(wanted.clone()).unwrap();
                    assert_eq!(logits.len(), wanted.len());
                    let apart = logits.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
                    let apart = apart.fold(0.0, f32::max);
                    assert!(apart <= TOLERANCE, "{name}, position {at}: {apart}");
                    compared += 1;
                }
                token = forced.get(at).copied().unwrap_or_default();
            }
            assert_eq!(compared, 5);
        }
    }
}

#[test]
fn the_likeliest_token_is_the_first_of_equals() {
    assert_eq!(likeliest(&[0.5, 2.0, -1.0, 2.0]), Some(1));
    assert_eq!(likeliest(&[0.5, f32::NAN]), None);
    assert_eq!(likeliest(&[]), None);
}

/// A folder with this description alone.
fn described(config: &Value, generation: Option<&Value>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    if let Some(generation) = generation {
        let path = folder.path().join("generation_config.json");
        std::fs::write(path, generation.to_string()).unwrap();
    }
    folder
}

/// What `t5-small` says of itself, with some keys changed.
fn t5_small(changed: &Value) -> Value {
    let mut config = json!({
        "model_type": "t5", "vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048,
        "num_layers": 6, "num_heads": 8, "eos_token_id": 1, "pad_token_id": 0,
        "decoder_start_token_id": 0, "relative_attention_num_buckets": 32,
    });
    for (key, value) in changed.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

#[test]
fn descriptions_of_both_generations_are_read() {
    let read = |changed: Value, generation: Option<&Value>| {
        let folder = described(&t5_small(&changed), generation);
        T5Config::read(&Folder::new(folder.path())).unwrap()
    };
    let first = read(json!({}), None);
    assert!(first.scaled && !first.gated);
    assert_eq!((first.decoder_layers, first.start), (6, 0));
    assert_eq!((first.max_distance, first.ends), (128, vec![1]));
    let second = json!({
        "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false, "num_decoder_layers": 4
    });
    let generation = json!({"eos_token_id": [1, 5], "decoder_start_token_id": 3});
    let second = read(second, Some(&generation));
    assert!(!second.scaled && second.gated);
    assert_eq!((second.decoder_layers, second.start), (4, 3));
    assert_eq!(second.ends, [1, 5]);
    assert!(!read(json!({"model_type": "mt5"}), None).scaled);
    let resaved = json!({"tie_word_embeddings": true, "scale_decoder_outputs": false});
    assert!(!read(resaved, None).scaled);
}

#[test]
fn descriptions_that_cannot_be_run_are_refused() {
    for (changed, why) in [
        (
            json!({"model_type": "bart"}),
            "model_type is \"bart\", but only t5 and mt5 can be run",
        ),
        (
            json!({"feed_forward_proj": "swish"}),
            "feed_forward_proj is \"swish\", but only relu",
        ),
        (
            json!({"num_heads": 0}),
            "`num_heads` must be from 1 to 1048576, but is 0",
        ),
        (
            json!({"d_model": 1_u64 << 40}),
            "`d_model` must be from 1 to 1048576",
        ),
        (json!({"num_layers": "six"}), "invalid type: string \"six\""),
        (
            json!({"relative_attention_num_buckets": 2}),
            "2 buckets do not divide distances up to 128",
        ),
        (
            json!({"relative_attention_max_distance": 16}),
            "32 buckets do not divide distances up to 16",
        ),
        (
            json!({"eos_token_id": 32128}),
            "the token 32128 begins or ends a text, but there are 32128",
        ),
    ] {
        let folder = described(&t5_small(&changed), None);
        let refusal = T5Config::read(&Folder::new(folder.path())).unwrap_err();
        let refusal = refusal.to_string();
        assert!(
            refusal.contains("config.json: ") && refusal.contains(why),
            "{refusal}"
        );
    }
}
