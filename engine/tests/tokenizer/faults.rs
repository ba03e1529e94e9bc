//! Vocabularies that cannot be right, and what a file may leave out.

use engine::tokenizer::{EncodeOptions, GgufVocabulary, Tokenizer};

use crate::vocabularies::{ByteLevel, SENTENCE_PIECE};

/// The error that a changed byte-level vocabulary gives.
fn fault(change: impl FnOnce(&mut GgufVocabulary<'_>)) -> String {
    let texts = ByteLevel::new();
    let mut vocabulary = texts.vocabulary();
    change(&mut vocabulary);
    Tokenizer::from_gguf(&vocabulary).unwrap_err().to_string()
}

#[test]
fn faults_name_the_key() {
    let cases = [
        (
            fault(|v| v.model = "bert"),
            "`tokenizer.ggml.model` is `bert`, which is not supported",
        ),
        (
            fault(|v| v.pre = Some("unheard-of")),
            "`tokenizer.ggml.pre` is `unheard-of`",
        ),
        (fault(|v| v.merges = None), "has no `tokenizer.ggml.merges`"),
        (
            fault(|v| v.tokens[5] = "h"),
            "`tokenizer.ggml.tokens` has \"h\" twice, as ids 5 and 104",
        ),
        (
            fault(|v| v.token_types = Some(vec![1; 3])),
            "`tokenizer.ggml.token_type` is an array of 3, but must be as long as",
        ),
        (
            fault(|v| v.scores = Some(vec![f32::NAN; v.tokens.len()])),
            "`tokenizer.ggml.scores[0]` is NaN, but must be a finite number",
        ),
        (
            fault(|v| v.eos = Some(9999)),
            "`tokenizer.ggml.eos_token_id` is 9999, but must be below the vocabulary's size, 266",
        ),
        (
            fault(|v| v.merges = Some(vec!["h e", "he"])),
            "`tokenizer.ggml.merges`[1] is \"he\": two tokens with a space between are expected",
        ),
        (
            fault(|v| v.merges = Some(vec!["h q"])),
            "`tokenizer.ggml.merges`[0] is \"h q\": \"hq\" is not in `tokenizer.ggml.tokens`",
        ),
        (
            fault(|v| {
                v.add_bos = Some(true);
                v.bos = None;
            }),
            "has no `tokenizer.ggml.bos_token_id`, which is to be put around every text",
        ),
    ];
    for (found, expected) in cases {
        assert!(
            found.contains(expected),
            "{found:?} should say {expected:?}"
        );
    }
}

#[test]
fn a_sentence_piece_vocabulary_needs_scores_and_a_way_to_spell_every_byte() {
    let mut vocabulary = SENTENCE_PIECE.vocabulary();
    vocabulary.scores = None;
    let error = Tokenizer::from_gguf(&vocabulary).unwrap_err().to_string();
    assert!(error.contains("has no `tokenizer.ggml.scores`"), "{error}");

    let mut vocabulary = SENTENCE_PIECE.vocabulary();
    vocabulary.unk = None;
    assert!(Tokenizer::from_gguf(&vocabulary).is_ok());
    let byte = vocabulary
        .tokens
        .iter()
        .position(|token| *token == "<0x0A>")
        .unwrap();
    vocabulary.tokens[byte] = "\u{1}";
    let error = Tokenizer::from_gguf(&vocabulary).unwrap_err().to_string();
    assert!(
        error.contains("has no `tokenizer.ggml.unknown_token_id`"),
        "{error}"
    );
}

#[test]
fn special_tokens_go_around_a_text_when_the_file_says_so() {
    let texts = ByteLevel::new();
    let mut vocabulary = texts.vocabulary();
    let plain = Tokenizer::from_gguf(&vocabulary).unwrap();
    assert_eq!(plain.encode("hello", EncodeOptions::PROMPT).unwrap(), [259]);
    vocabulary.add_bos = Some(true);
    vocabulary.add_eos = Some(true);
    let around = Tokenizer::from_gguf(&vocabulary).unwrap();
    assert_eq!(
        around.encode("hello", EncodeOptions::PROMPT).unwrap(),
        [265, 259, 263]
    );
    assert_eq!(around.encode("hello", EncodeOptions::CHAT).unwrap(), [259]);
    assert_eq!(
        around.encode("", EncodeOptions::PROMPT).unwrap(),
        [265, 263]
    );
}

#[test]
fn llama_files_that_say_nothing_begin_with_bos() {
    let texts = ByteLevel::new();
    let mut vocabulary = texts.vocabulary();
    vocabulary.pre = Some("llama-bpe");
    let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
    assert_eq!(
        tokenizer.encode("hello", EncodeOptions::PROMPT).unwrap(),
        [265, 259]
    );
    let tokenizer = Tokenizer::from_gguf(&SENTENCE_PIECE.vocabulary()).unwrap();
    assert_eq!(
        tokenizer.encode("the", EncodeOptions::PROMPT).unwrap()[0],
        1
    );
}

#[test]
fn user_defined_tokens_are_found_and_are_not_special() {
    let texts = ByteLevel::new();
    let tokenizer = Tokenizer::from_gguf(&texts.vocabulary()).unwrap();
    for options in [EncodeOptions::CHAT, EncodeOptions::LITERAL] {
        let ids = tokenizer.encode("<think>hello", options).unwrap();
        assert_eq!(ids, [264, 259]);
        assert_eq!(tokenizer.decode(&ids, true), "<think>hello");
    }
    assert!(!tokenizer.is_special(264));
    // End of sequence by `eos_token_id` and by its text are the same token here.
    assert_eq!(tokenizer.eos_ids(), [263]);
}
