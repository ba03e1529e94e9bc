//! What must hold for every text, every sequence of ids and every way to cut them.

use engine::tokenizer::{
    DecodeOptions, Detokenizer, EncodeOptions, GgufVocabulary, InvalidStop, MAX_STOP_STRINGS,
    StopMatcher, Tokenizer,
};
use proptest::prelude::*;

use crate::vocabularies::{byte_level, sentence_piece};

/// A whole text with its special tokens.
const WHOLE: DecodeOptions = DecodeOptions {
    skip_special: false,
    continues: false,
};

/// Pushes `ids` one by one; what is out after each, and what `finish` adds.
fn detokenize(tokenizer: &Tokenizer, ids: &[u32], options: DecodeOptions) -> (Vec<String>, String) {
    let mut detokenizer = Detokenizer::new(tokenizer.clone(), options);
    let mut pieces = Vec::new();
    for &id in ids {
        let mut piece = String::new();
        detokenizer.push(id, &mut piece);
        pieces.push(piece);
    }
    let mut rest = String::new();
    detokenizer.finish(&mut rest);
    (pieces, rest)
}

/// All bytes of `ids`, decoded at once: what the pieces must add up to.
fn decode_bytes(
    tokenizer: &Tokenizer,
    ids: &[u32],
    options: DecodeOptions,
    space_prefix: bool,
) -> String {
    let left_out = |id: u32| options.skip_special && tokenizer.is_special(id);
    let kept = ids.iter().filter(|&&id| !left_out(id));
    let bytes: Vec<u8> = kept
        .flat_map(|&id| tokenizer.token_bytes(id).to_vec())
        .collect();
    let bytes = match bytes.strip_prefix(b" ") {
        Some(rest) if space_prefix && !options.continues => rest,
        _ => &bytes,
    };
    String::from_utf8_lossy(bytes).into_owned()
}

/// Where a stop string ends first, by looking at the whole text: (start, index).
fn naive_match(text: &str, stops: &[String]) -> Option<(usize, usize)> {
    let ends = stops.iter().enumerate().filter_map(|(index, stop)| {
        let start = text.find(stop.as_str())?;
        Some((start + stop.len(), start, index))
    });
    ends.min().map(|(_, start, index)| (start, index))
}

/// Cuts `text` after so many characters each, over and over.
fn cut(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut characters = text.chars().peekable();
    let mut pieces = Vec::new();
    for &length in lengths.iter().cycle() {
        if characters.peek().is_none() {
            break;
        }
        pieces.push(characters.by_ref().take(length).collect());
    }
    pieces
}

/// A vocabulary such as a corrupt file could hold.
fn any_vocabulary() -> impl Strategy<Value = AnyVocabulary> {
    let token = || {
        prop_oneof![
            "[abĠ▁é ]{0,4}",
            "<0x[0-9A-F]{2}>",
            "<\\|[a-z]{0,2}\\|>",
            ".{0,3}"
        ]
    };
    let id = || prop::option::of(0u32..24);
    (
        any::<bool>(),
        prop::collection::vec(token(), 0..20),
        prop::option::of(prop::collection::vec("[abĠ▁]{1,3} [abĠ▁]{1,3}", 0..4)),
        prop::option::of(prop::collection::vec(any::<f32>(), 20)),
        prop::option::of(prop::collection::vec(0i32..8, 20)),
        [id(), id(), id()],
        prop::option::of(any::<bool>()),
    )
        .prop_map(
            |(byte_level, tokens, merges, scores, types, ids, add)| AnyVocabulary {
                byte_level,
                tokens,
                merges,
                scores,
                types,
                ids,
                add,
            },
        )
}

#[derive(Debug)]
struct AnyVocabulary {
    byte_level: bool,
    tokens: Vec<String>,
    merges: Option<Vec<String>>,
    scores: Option<Vec<f32>>,
    types: Option<Vec<i32>>,
    ids: [Option<u32>; 3],
    add: Option<bool>,
}

impl AnyVocabulary {
    /// As a GGUF file would hold it; scores and types are as long as the tokens, so that more than
    /// the first check is tried.
    fn vocabulary(&self) -> GgufVocabulary<'_> {
        let length = self.tokens.len();
        let [bos, eos, unk] = self.ids;
        GgufVocabulary {
            model: if self.byte_level { "gpt2" } else { "llama" },
            tokens: self.tokens.iter().map(String::as_str).collect(),
            merges: self
                .merges
                .as_ref()
                .map(|m| m.iter().map(String::as_str).collect()),
            scores: self.scores.as_ref().map(|scores| scores[..length].to_vec()),
            token_types: self.types.as_ref().map(|types| types[..length].to_vec()),
            bos,
            eos,
            unk,
            add_bos: self.add,
            ..GgufVocabulary::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_vocabulary_makes_it_panic(
        vocabulary in any_vocabulary(),
        text in ".{0,20}|[abé ▁]{0,20}",
        ids in prop::collection::vec(0u32..24, 0..20),
    ) {
        // Most are refused, which is as it should be.
        if let Ok(tokenizer) = Tokenizer::from_gguf(&vocabulary.vocabulary()) {
            for options in [EncodeOptions::PROMPT, EncodeOptions::LITERAL] {
                for id in tokenizer.encode(&text, options).unwrap_or_default() {
                    prop_assert!((id as usize) < tokenizer.vocab_size());
                }
            }
            prop_assert_eq!(
                tokenizer.decode(&ids, false),
                decode_bytes(&tokenizer, &ids, WHOLE, !vocabulary.byte_level)
            );
        }
    }

    #[test]
    fn byte_level_pieces_add_up(
        ids in prop::collection::vec(0u32..270, 0..60),
        skip_special in any::<bool>(),
    ) {
        let tokenizer = byte_level();
        let options = DecodeOptions { skip_special, continues: false };
        let (pieces, rest) = detokenize(&tokenizer, &ids, options);
        let whole = pieces.concat() + &rest;
        prop_assert_eq!(&whole, &tokenizer.decode(&ids, skip_special));
        prop_assert_eq!(whole, decode_bytes(&tokenizer, &ids, options, false));
    }

    #[test]
    fn sentence_piece_pieces_add_up(
        ids in prop::collection::vec(0u32..705, 0..60),
        skip_special in any::<bool>(),
        continues in any::<bool>(),
    ) {
        let tokenizer = sentence_piece();
        let options = DecodeOptions { skip_special, continues };
        let (pieces, rest) = detokenize(&tokenizer, &ids, options);
        let whole = pieces.concat() + &rest;
        prop_assert_eq!(&whole, &decode_bytes(&tokenizer, &ids, options, true));
        if !continues {
            prop_assert_eq!(whole, tokenizer.decode(&ids, skip_special));
        }
    }

    #[test]
    fn text_survives_encoding(text in ".{0,40}") {
        for tokenizer in [byte_level(), sentence_piece()] {
            let ids = tokenizer.encode(&text, EncodeOptions::CHAT).unwrap();
            // SentencePiece cannot tell ▁ from a space.
            let expected = if tokenizer.bos_id() == Some(1) { text.replace('▁', " ") } else { text.clone() };
            prop_assert_eq!(tokenizer.decode(&ids, false), expected);
        }
    }

    #[test]
    fn no_broken_character_leaves_while_text_is_whole(text in "\\PC{1,30}") {
        for tokenizer in [byte_level(), sentence_piece()] {
            let ids = tokenizer.encode(&text, EncodeOptions::CHAT).unwrap();
            let (pieces, rest) = detokenize(&tokenizer, &ids, DecodeOptions::COMPLETION);
            prop_assert_eq!(&rest, "");
            let broken = |piece: &String| piece.contains(char::REPLACEMENT_CHARACTER);
            prop_assert!(text.contains(char::REPLACEMENT_CHARACTER) || !pieces.iter().any(broken));
        }
    }

    #[test]
    fn stop_strings_are_found_however_the_text_is_cut(
        text in "[abé]{0,40}",
        stops in prop::collection::vec("[abé]{1,5}", 0..5),
        lengths in prop::collection::vec(1usize..6, 1..8),
    ) {
        let mut matcher = StopMatcher::new(&stops).unwrap();
        let (mut out, mut pushed) = (String::new(), String::new());
        let expected = naive_match(&text, &stops);
        let end = expected.map_or(text.len(), |(start, _)| start);
        for piece in cut(&text, &lengths) {
            pushed.push_str(&piece);
            let found = matcher.push(&piece, &mut out);
            prop_assert!(text[..end].starts_with(&out), "{out:?} is out, but the match is at {end}");
            prop_assert_eq!(found, matcher.matched());
            prop_assert_eq!(matcher.released(), out.len());
            if found.is_none() {
                // Nothing is held but the longest beginning of a stop string.
                let held = &pushed[out.len()..];
                prop_assert!(held.is_empty() || stops.iter().any(|stop| stop.starts_with(held)));
                let longer = (0..out.len()).filter(|&at| pushed.is_char_boundary(at));
                let starts = |at: usize| stops.iter().any(|stop| stop.starts_with(&pushed[at..]));
                prop_assert!(!longer.into_iter().any(starts));
            }
        }
        matcher.finish(&mut out);
        prop_assert_eq!(&out, &text[..end]);
        prop_assert_eq!(matcher.released(), end);
        let same_text = |index: usize| stops[index].clone();
        prop_assert_eq!(matcher.matched().map(same_text), expected.map(|(_, index)| same_text(index)));
    }
}

#[test]
fn a_character_waits_for_its_last_byte() {
    let tokenizer = byte_level();
    let ids = tokenizer.encode("中", EncodeOptions::CHAT).unwrap();
    assert_eq!(ids.len(), 2);
    let (pieces, rest) = detokenize(&tokenizer, &ids, DecodeOptions::COMPLETION);
    assert_eq!(
        (pieces[0].as_str(), pieces[1].as_str(), rest.as_str()),
        ("", "中", "")
    );
    let (pieces, rest) = detokenize(&tokenizer, &ids[..1], DecodeOptions::COMPLETION);
    assert_eq!((pieces[0].as_str(), rest.as_str()), ("", "\u{fffd}"));
}

#[test]
fn sentence_piece_drops_the_leading_space_of_a_text_and_not_of_a_completion() {
    let tokenizer = sentence_piece();
    let ids = tokenizer.encode("the the", EncodeOptions::CHAT).unwrap();
    let whole = DecodeOptions {
        skip_special: true,
        continues: false,
    };
    assert_eq!(detokenize(&tokenizer, &ids, whole).0.concat(), "the the");
    assert_eq!(
        detokenize(&tokenizer, &ids, DecodeOptions::COMPLETION)
            .0
            .concat(),
        " the the"
    );
}

#[test]
fn tokens_without_text_and_unknown_ids_add_nothing() {
    let tokenizer = byte_level();
    assert_eq!(tokenizer.decode(&[u32::MAX, 104, 9999, 105], false), "hi");
    assert_eq!(tokenizer.token_bytes(u32::MAX), b"");
    assert!(!tokenizer.is_special(u32::MAX));
}

#[test]
fn a_stop_string_split_over_pieces_never_leaks() {
    let mut matcher = StopMatcher::new(&["</answer>".to_owned(), "\n\n".to_owned()]).unwrap();
    let mut out = String::new();
    for (piece, expected) in [
        ("42 <", "42 "),
        ("/ans", "42 "),
        ("ware", "42 </answare"),
        ("\n", "42 </answare"),
        ("<", "42 </answare\n"),
        ("/answer", "42 </answare\n"),
    ] {
        assert_eq!(matcher.push(piece, &mut out), None);
        assert_eq!(out, expected);
    }
    assert_eq!(matcher.push("> and more", &mut out), Some(0));
    assert_eq!(matcher.push("and more", &mut out), Some(0));
    matcher.finish(&mut out);
    assert_eq!((out.as_str(), matcher.released()), ("42 </answare\n", 13));
}

#[test]
fn stop_strings_that_cannot_be_used_are_refused() {
    let error = StopMatcher::new(&["a".to_owned(), String::new()]).unwrap_err();
    assert_eq!(error, InvalidStop::Empty { index: 1 });
    let many = vec!["a".to_owned(); MAX_STOP_STRINGS + 1];
    let error = StopMatcher::new(&many).unwrap_err();
    assert_eq!(error, InvalidStop::TooMany { found: 17 });
}
