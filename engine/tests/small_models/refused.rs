//! Folders that are no classifier and no translator: the file and what is wrong with it.

use std::fs;
use std::path::Path;

use engine::{Classifier, EncoderConfig, Translator, TranslatorConfig};
use serde_json::{Value, json};

use crate::{checkpoint, copy};

fn edit(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn classifier(folder: &Path) -> String {
    let opened = Classifier::open(folder, &EncoderConfig::default());
    opened.unwrap_err().to_string()
}

fn translator(folder: &Path) -> String {
    let opened = Translator::open(folder, &TranslatorConfig::default());
    opened.unwrap_err().to_string()
}

#[test]
fn a_description_of_labels_that_does_not_fit_is_named() {
    for (key, value, why) in [
        (
            "id2label",
            json!({"0": "a", "2": "b"}),
            "`id2label` names 2 labels, but none for the id 1",
        ),
        (
            "id2label",
            json!({}),
            "there must be from 1 to 65536 labels, but there are 0",
        ),
        // The head in the file has two rows.
        (
            "id2label",
            json!({"0": "a", "1": "b", "2": "c"}),
            "model.safetensors: ",
        ),
        (
            "problem_type",
            json!("guessing"),
            "problem_type is \"guessing\", but only single_label",
        ),
        (
            "model_type",
            json!("electra"),
            "model_type is \"electra\", but only bert, distilbert",
        ),
        (
            "activation",
            json!("swiglu"),
            "config.json: unknown variant `swiglu`",
        ),
        (
            "pad_token_id",
            json!(100_000),
            "`pad_token_id` 100000 is no token",
        ),
        (
            "max_position_embeddings",
            json!(3),
            "leaves no room for a text",
        ),
    ] {
        let copy = copy("sentiment");
        edit(copy.path(), "config.json", |config| config[key] = value);
        let refusal = classifier(copy.path());
        assert!(refusal.contains(why), "{refusal}");
    }
}

#[test]
fn a_file_that_is_missing_or_corrupt_is_named() {
    type Case = (&'static str, fn(&Path) -> String, &'static [&'static str]);
    let cases: [Case; 3] = [
        (
            "topics",
            classifier,
            &["config.json", "tokenizer.json", "model.safetensors"],
        ),
        ("sentiment", classifier, &["vocab.txt"]),
        (
            "translator",
            translator,
            &["config.json", "tokenizer.json", "model.safetensors"],
        ),
    ];
    for (name, open, files) in cases {
        for file in files {
            let copy = copy(name);
            fs::remove_file(copy.path().join(file)).unwrap();
            let missing = open(copy.path());
            let named = if *file == "vocab.txt" {
                "tokenizer.json"
            } else {
                file
            };
            assert!(missing.contains(named), "{missing}");
            fs::write(copy.path().join(file), b"{\"a\"").unwrap();
            let corrupt = open(copy.path());
            assert!(corrupt.contains(file), "{corrupt}");
        }
    }
    // A model without the head, or of other sizes.
    let copy = copy("translator");
    edit(copy.path(), "config.json", |config| {
        config["num_layers"] = json!(3);
    });
    assert!(translator(copy.path()).contains("model.safetensors: "));
}

#[test]
fn limits_of_nothing_are_refused() {
    let config = EncoderConfig {
        max_batch_size: 0,
        ..EncoderConfig::default()
    };
    let error = Classifier::open(&checkpoint("sentiment"), &config).unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_batch_size must be at least 1, but is 0"
    );
    let config = TranslatorConfig {
        max_queued: 0,
        ..TranslatorConfig::default()
    };
    let error = Translator::open(&checkpoint("translator"), &config).unwrap_err();
    assert_eq!(error.to_string(), "max_queued must be at least 1, but is 0");
}
