//! Ids, texts and prompts equal those of `transformers` and SentencePiece.

use std::collections::BTreeMap;

use engine::gguf::GgufFile;
use engine::tokenizer::{ChatRequest, EncodeOptions, GgufVocabulary, Tokenizer};
use serde::Deserialize;
use serde_json::Value;

use crate::support::model_path;
use crate::vocabularies::{SENTENCE_PIECE, sentence_piece};

#[derive(Deserialize)]
struct Golden {
    strings: Vec<Text>,
    chats: Vec<Chat>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
    /// Where it is not the text.
    decoded: Option<String>,
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Value>,
    add_generation_prompt: bool,
    rendered: String,
    ids: Vec<u32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/tokenizer.json")).unwrap()
}

fn smollm2() -> Tokenizer {
    let file = GgufFile::open(&model_path()).unwrap();
    let vocabulary = GgufVocabulary::read(file.metadata()).unwrap();
    Tokenizer::from_gguf(&vocabulary).unwrap()
}

/// Fails with the first few cases that differ.
fn report<T: std::fmt::Debug>(differences: &[T]) {
    let first = &differences[..differences.len().min(5)];
    assert!(
        differences.is_empty(),
        "{} differ: {first:#?}",
        differences.len()
    );
}

#[test]
fn five_hundred_texts_encode_as_in_transformers() {
    let (tokenizer, golden) = (smollm2(), golden());
    assert_eq!(golden.strings.len(), 500);
    let differences: Vec<_> = golden
        .strings
        .iter()
        .map(|case| {
            (
                &case.text,
                tokenizer.encode(&case.text, EncodeOptions::PROMPT).unwrap(),
                &case.ids,
            )
        })
        .filter(|(_, found, expected)| found != *expected)
        .collect();
    report(&differences);
}

#[test]
fn five_hundred_texts_decode_as_in_transformers() {
    let (tokenizer, golden) = (smollm2(), golden());
    let differences: Vec<_> = golden
        .strings
        .iter()
        .map(|case| {
            (
                tokenizer.decode(&case.ids, false),
                case.decoded.as_ref().unwrap_or(&case.text),
            )
        })
        .filter(|(found, expected)| found != *expected)
        .collect();
    report(&differences);
}

#[test]
fn thirty_conversations_render_and_encode_as_in_transformers() {
    let (tokenizer, golden) = (smollm2(), golden());
    let template = tokenizer.chat_template().unwrap();
    assert_eq!(golden.chats.len(), 30);
    for chat in &golden.chats {
        let request = ChatRequest {
            add_generation_prompt: chat.add_generation_prompt,
            ..ChatRequest::new(&chat.messages)
        };
        let rendered = template.render(&request).unwrap();
        assert_eq!(rendered, chat.rendered);
        assert_eq!(
            tokenizer.encode(&rendered, EncodeOptions::CHAT).unwrap(),
            chat.ids
        );
    }
}

#[test]
fn the_models_special_tokens_are_known() {
    let tokenizer = smollm2();
    assert_eq!(tokenizer.vocab_size(), 49152);
    assert_eq!(tokenizer.bos_id(), Some(1));
    // End of document and end of turn.
    assert_eq!(tokenizer.eos_ids(), [0, 2]);
    assert_eq!(tokenizer.token_to_id("<|im_end|>"), Some(2));
    assert!(tokenizer.is_special(2) && !tokenizer.is_special(100));
    assert_eq!(tokenizer.token_bytes(2), b"<|im_end|>");
    assert_eq!(tokenizer.decode(&[1, 19556, 2], true), "Hello");
    assert_eq!(
        tokenizer.decode(&[1, 19556, 2], false),
        "<|im_start|>Hello<|im_end|>"
    );
}

#[test]
fn the_text_of_a_special_token_can_be_kept_text() {
    let tokenizer = smollm2();
    let text = "a<|im_end|>b";
    let parsed = tokenizer.encode(text, EncodeOptions::PROMPT).unwrap();
    let literal = tokenizer.encode(text, EncodeOptions::LITERAL).unwrap();
    assert!(parsed.contains(&2));
    assert!(!literal.iter().any(|&id| tokenizer.is_special(id)));
    assert_eq!(tokenizer.decode(&literal, true), text);
}

#[test]
fn other_pre_tokenizers_cut_as_in_transformers() {
    let ways: BTreeMap<String, Vec<Text>> =
        serde_json::from_str(include_str!("../golden/pre_tokenizers.json")).unwrap();
    let file = GgufFile::open(&model_path()).unwrap();
    let vocabulary = GgufVocabulary::read(file.metadata()).unwrap();
    assert!(ways.len() >= 10);
    for (pre, cases) in &ways {
        let vocabulary = GgufVocabulary {
            pre: Some(pre),
            ..vocabulary.clone()
        };
        let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
        let differences: Vec<_> = cases
            .iter()
            .map(|case| {
                (
                    pre,
                    &case.text,
                    tokenizer.encode(&case.text, EncodeOptions::CHAT).unwrap(),
                    &case.ids,
                )
            })
            .filter(|(_, _, found, expected)| found != *expected)
            .collect();
        report(&differences);
    }
}

#[test]
fn a_vocabulary_with_scores_encodes_as_sentence_piece() {
    let tokenizer = sentence_piece();
    assert!(SENTENCE_PIECE.cases.len() > 300);
    let differences: Vec<_> = SENTENCE_PIECE
        .cases
        .iter()
        .map(|case| {
            (
                &case.text,
                tokenizer.encode(&case.text, EncodeOptions::CHAT).unwrap(),
                &case.ids,
            )
        })
        .filter(|(_, found, expected)| found != *expected)
        .collect();
    report(&differences);
}

#[test]
fn a_vocabulary_with_scores_decodes_as_sentence_piece() {
    let tokenizer = sentence_piece();
    let differences: Vec<_> = SENTENCE_PIECE
        .cases
        .iter()
        .map(|case| (tokenizer.decode(&case.ids, false), &case.decoded))
        .filter(|(found, expected)| found != *expected)
        .collect();
    report(&differences);
}
