//! Folders that are no encoder: the file and what is wrong with it.

use std::fs;
use std::path::Path;

use engine::{Encoder, EncoderConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::folder;

/// A copy of the model's small files beside its own weights.
fn copy() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let from = folder();
    fs::create_dir(copy.path().join("1_Pooling")).unwrap();
    for file in [
        "1_Pooling/config.json",
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
    ] {
        fs::copy(from.join(file), copy.path().join(file)).unwrap();
    }
    fs::hard_link(
        from.join("model.safetensors"),
        copy.path().join("model.safetensors"),
    )
    .or_else(|_| {
        let weights = from.join("model.safetensors");
        fs::copy(weights, copy.path().join("model.safetensors")).map(drop)
    })
    .unwrap();
    copy
}

fn edit(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn refusal(folder: &Path) -> String {
    Encoder::open(folder, &EncoderConfig::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_description_that_does_not_fit_is_named() {
    let cases: [(&str, &str, Value, &str); 9] = [
        (
            "config.json",
            "/model_type",
            json!("electra"),
            "model_type is \"electra\", but only bert, distilbert, roberta and xlm-roberta can be run",
        ),
        (
            "config.json",
            "/position_embedding_type",
            json!("relative_key"),
            "position_embedding_type is",
        ),
        (
            "config.json",
            "/num_attention_heads",
            json!(0),
            "`num_attention_heads` must be from 1 to 1048576, but is 0",
        ),
        (
            "config.json",
            "/num_attention_heads",
            json!(7),
            "`hidden_size` 384 is no multiple of `num_attention_heads` 7",
        ),
        (
            "config.json",
            "/hidden_size",
            json!(768),
            "model.safetensors: ",
        ),
        (
            "config.json",
            "/num_hidden_layers",
            json!(9),
            "model.safetensors: ",
        ),
        (
            "config.json",
            "/hidden_act",
            json!("swiglu"),
            "config.json: unknown variant",
        ),
        (
            "modules.json",
            "/1/type",
            json!("sentence_transformers.models.Dense"),
            "a module is",
        ),
        (
            "modules.json",
            "/1/path",
            json!("../1_Pooling"),
            "is no folder beside the file",
        ),
    ];
    for (file, pointer, value, why) in cases {
        let copy = copy();
        edit(copy.path(), file, |json| {
            *json.pointer_mut(pointer).unwrap() = value;
        });
        let refusal = refusal(copy.path());
        assert!(refusal.contains(why), "{refusal}");
    }
    let copy = copy();
    edit(copy.path(), "1_Pooling/config.json", |json| {
        json["pooling_mode_cls_token"] = json!(true);
    });
    assert!(refusal(copy.path()).contains("the pooling is [\"pooling_mode_cls_token\""));
}

#[test]
fn a_file_that_is_missing_or_corrupt_is_named() {
    for file in [
        "config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
        "model.safetensors",
    ] {
        let copy = copy();
        fs::remove_file(copy.path().join(file)).unwrap();
        let missing = refusal(copy.path());
        assert!(missing.contains(file), "{missing}");
        fs::write(copy.path().join(file), b"{\"a\"").unwrap();
        let corrupt = refusal(copy.path());
        assert!(corrupt.contains(file), "{corrupt}");
    }
    let config = EncoderConfig {
        max_batch_size: 0,
        ..EncoderConfig::default()
    };
    let error = Encoder::open(&folder(), &config).unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_batch_size must be at least 1, but is 0"
    );
}
