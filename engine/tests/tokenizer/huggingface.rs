//! A tokenizer from the files of the hub.

use std::fs;
use std::path::Path;

use engine::tokenizer::{ChatRequest, EncodeOptions, HuggingFaceFiles, Tokenizer, TokenizerError};
use serde_json::{Value, json};

use crate::vocabularies::{SENTENCE_PIECE, byte_characters};

/// A `tokenizer.json` of byte-level BPE with a template that puts token 257 before a text.
fn byte_level_json() -> Value {
    let mut vocabulary: Vec<(String, usize)> = byte_characters()
        .iter()
        .enumerate()
        .map(|(id, c)| (c.to_string(), id))
        .collect();
    vocabulary.push(("hi".to_owned(), 256));
    let vocabulary: serde_json::Map<String, Value> = vocabulary
        .into_iter()
        .map(|(text, id)| (text, id.into()))
        .collect();
    let added = |id: u32, content: &str, special: bool| {
        json!({"id": id, "content": content, "special": special, "single_word": false,
               "lstrip": false, "rstrip": false, "normalized": false})
    };
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": null,
        "added_tokens": [added(257, "<s>", true), added(258, "</s>", true), added(259, "<tool>", false)],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                          "use_regex": true},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [257], "tokens": ["<s>"]}}
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                    "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null,
                  "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
                  "byte_fallback": false, "ignore_merges": false, "vocab": vocabulary,
                  "merges": [["h", "i"]]}
    })
}

fn files() -> HuggingFaceFiles {
    HuggingFaceFiles {
        tokenizer: byte_level_json().to_string().into_bytes(),
        tokenizer_config: json!({"bos_token": "<s>", "eos_token": {"content": "</s>"},
                                 "chat_template": "{{ bos_token }}{{ messages[0].content }}"}),
        ..HuggingFaceFiles::default()
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

#[test]
fn the_files_of_a_folder_make_a_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "tokenizer.json",
        &byte_level_json().to_string(),
    );
    write(
        folder.path(),
        "tokenizer_config.json",
        r#"{"bos_token": "<s>", "eos_token": "</s>", "add_eos_token": true,
            "chat_template": [{"name": "default", "template": "old"},
                              {"name": "rag", "template": "R{{ eos_token }}"}]}"#,
    );
    write(
        folder.path(),
        "generation_config.json",
        r#"{"eos_token_id": [256, 258]}"#,
    );
    write(
        folder.path(),
        "chat_template.jinja",
        "{{ bos_token }}{{ messages[0].content }}\n",
    );
    fs::create_dir(folder.path().join("additional_chat_templates")).unwrap();
    write(
        folder.path(),
        "additional_chat_templates/tool_use.jinja",
        "T",
    );

    let files = HuggingFaceFiles::read(folder.path()).unwrap();
    let tokenizer = Tokenizer::from_huggingface(&files).unwrap();
    assert_eq!(tokenizer.vocab_size(), 260);
    assert_eq!(tokenizer.bos_id(), Some(257));
    assert_eq!(tokenizer.eos_ids(), [256, 258]);
    // The file's truncation to two tokens is for training.
    assert_eq!(
        tokenizer.encode("hi!!!", EncodeOptions::PROMPT).unwrap(),
        [257, 256, 33, 33, 33, 258]
    );
    assert_eq!(
        tokenizer.encode("<s>hi", EncodeOptions::CHAT).unwrap(),
        [257, 256]
    );
    assert_eq!(
        tokenizer.encode("<s>", EncodeOptions::LITERAL).unwrap(),
        [60, 115, 62]
    );
    assert_eq!(tokenizer.decode(&[257, 256, 259, 258], true), "hi<tool>");

    let template = tokenizer.chat_template().unwrap();
    let messages = [json!({"role": "user", "content": "x"})];
    let request = ChatRequest::new(&messages);
    let rag = ChatRequest {
        template: Some("rag"),
        ..request
    };
    assert_eq!(template.render(&request).unwrap(), "<s>x");
    assert_eq!(template.render(&rag).unwrap(), "R</s>");
}

#[test]
fn the_configuration_decides_about_bos() {
    let encode = |config: Option<bool>| {
        let mut files = files();
        if let Some(add) = config {
            files.tokenizer_config["add_bos_token"] = add.into();
        }
        let tokenizer = Tokenizer::from_huggingface(&files).unwrap();
        tokenizer.encode("hi", EncodeOptions::PROMPT).unwrap()
    };
    assert_eq!(encode(None), [257, 256]);
    assert_eq!(encode(Some(true)), [257, 256]);
    assert_eq!(encode(Some(false)), [256]);
}

#[test]
fn a_sentence_piece_tokenizer_json_is_the_same_as_its_gguf() {
    let gguf = Tokenizer::from_gguf(&SENTENCE_PIECE.vocabulary()).unwrap();
    let vocabulary: serde_json::Map<String, Value> = (0..)
        .zip(&SENTENCE_PIECE.tokens)
        .map(|(id, text): (u32, _)| (text.clone(), id.into()))
        .collect();
    let mut json = byte_level_json();
    json["added_tokens"] = json!([]);
    json["truncation"] = Value::Null;
    json["post_processor"] = Value::Null;
    json["pre_tokenizer"] = Value::Null;
    json["normalizer"] = json!({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]});
    json["decoder"] = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
    json["model"]["vocab"] = vocabulary.into();
    json["model"]["merges"] = json!([]);
    json["model"]["byte_fallback"] = true.into();
    let files = HuggingFaceFiles {
        tokenizer: json.to_string().into_bytes(),
        tokenizer_config: json!({"unk_token": "<unk>", "bos_token": "<s>"}),
        ..HuggingFaceFiles::default()
    };
    let tokenizer = Tokenizer::from_huggingface(&files).unwrap();
    for case in &SENTENCE_PIECE.cases {
        assert_eq!(
            tokenizer.decode(&case.ids, false),
            gguf.decode(&case.ids, false)
        );
    }
    assert!((0..700).all(|id| tokenizer.token_bytes(id) == gguf.token_bytes(id)));
}

#[test]
fn a_folder_without_a_tokenizer_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = HuggingFaceFiles::read(folder.path()).unwrap_err();
    assert!(matches!(error, TokenizerError::Missing { .. }));
    assert!(error.to_string().starts_with("no tokenizer: "), "{error}");
    assert!(
        error.to_string().contains("tokenizer.json does not exist"),
        "{error}"
    );
}

#[test]
fn corrupt_files_are_errors() {
    let fault =
        |files: HuggingFaceFiles| Tokenizer::from_huggingface(&files).unwrap_err().to_string();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut json = byte_level_json();
        change(&mut json);
        HuggingFaceFiles {
            tokenizer: json.to_string().into_bytes(),
            ..files()
        }
    };
    let truncated = HuggingFaceFiles {
        tokenizer: byte_level_json().to_string().into_bytes()[..500].to_vec(),
        ..files()
    };
    let no_eos = HuggingFaceFiles {
        generation_config: json!({"eos_token_id": 1_u64 << 40}),
        ..files()
    };
    let bad_template = HuggingFaceFiles {
        tokenizer_config: json!({"chat_template": [{"name": "x"}]}),
        ..files()
    };
    let cases = [
        (truncated, "tokenizer.json is corrupt"),
        // The merge is longer than every token, which the crate does not expect.
        (
            with(&|j| j["model"]["merges"] = json!([["h", "i"], ["hi", "hi"]])),
            "tokenizer.json is corrupt",
        ),
        (
            with(&|j| j["model"]["vocab"]["far"] = json!(4_000_000_000_u32)),
            "has the id 4000000000",
        ),
        (
            with(&|j| {
                j["decoder"] = json!({"type": "CTC", "pad_token": "p", "cleanup": true, "word_delimiter_token": "|"});
            }),
            "`decoder` is `CTC`, which is not supported",
        ),
        (with(&|j| j["decoder"] = Value::Null), "`decoder` is `null`"),
        (
            no_eos,
            "generation_config.json is corrupt: `eos_token_id` has 1099511627776",
        ),
        (
            bad_template,
            "an entry of `chat_template` needs a `name` and a `template`",
        ),
    ];
    for (files, expected) in cases {
        let found = fault(files);
        assert!(
            found.contains(expected),
            "{found:?} should say {expected:?}"
        );
    }
}

#[test]
fn a_config_that_is_not_json_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "tokenizer.json",
        &byte_level_json().to_string(),
    );
    write(folder.path(), "tokenizer_config.json", "{");
    let error = HuggingFaceFiles::read(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("tokenizer_config.json is corrupt: "),
        "{error}"
    );
}
