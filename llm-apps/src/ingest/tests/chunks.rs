//! Chunks fit, overlap, and together say all that the document says.

use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use crate::ingest::chunk::{Chunk, ChunkSize, ChunkUnit, chunks};
use crate::ingest::document::{Block, Document, Section};

fn document(blocks: &[&str]) -> Document {
    let mut line = 1;
    let blocks = blocks.iter().map(|text| {
        let first = line;
        line += u32::try_from(text.matches('\n').count()).unwrap() + 1;
        Block {
            text: (*text).to_owned(),
            lines: Some((first, line - 1)),
        }
    });
    Document {
        sections: vec![Section {
            blocks: blocks.collect(),
            ..Section::default()
        }],
        ..Document::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "counters may fail")]
fn words(text: &str) -> Result<usize, String> {
    Ok(text.split_whitespace().count())
}

fn cut(blocks: &[&str], size: usize, overlap: usize) -> Vec<Chunk> {
    let size = ChunkSize {
        unit: ChunkUnit::Tokens,
        size,
        overlap,
    };
    chunks(&document(blocks), &size, &words).unwrap()
}

fn texts(blocks: &[&str], size: usize, overlap: usize) -> Vec<String> {
    cut(blocks, size, overlap)
        .into_iter()
        .map(|chunk| chunk.text)
        .collect()
}

#[test]
fn sentences_are_packed_and_repeated() {
    let blocks = [
        "One two three. Four five six! \"Seven eight.\" Nine ten?",
        "Eleven twelve.",
    ];
    assert_eq!(
        texts(&blocks, 8, 0),
        [
            "One two three. Four five six! \"Seven eight.\"",
            "Nine ten?\nEleven twelve."
        ]
    );
    assert_eq!(
        texts(&blocks, 8, 4),
        [
            "One two three. Four five six! \"Seven eight.\"",
            "\"Seven eight.\" Nine ten?\nEleven twelve.",
        ]
    );
    // Version 1.2 and e.g. that are not the ends of sentences.
    let text = ["Version 1.2 is, e.g. by far, the best. It is so."];
    assert_eq!(
        texts(&text, 8, 0),
        ["Version 1.2 is, e.g. by far, the best.", "It is so."]
    );
}

#[test]
fn what_is_longer_than_a_chunk_is_cut_between_words_and_then_between_characters() {
    assert_eq!(
        texts(&["a b c d e f g h i j k l"], 8, 0),
        ["a b c d e", "f g h i j k l"]
    );
    let size = ChunkSize {
        unit: ChunkUnit::Characters,
        size: 8,
        overlap: 0,
    };
    let count = |text: &str| Ok(text.chars().count());
    let long = chunks(&document(&["äöüäöüäöüäöü"]), &size, &count).unwrap();
    assert_eq!(
        long.iter()
            .map(|chunk| chunk.text.as_str())
            .collect::<String>(),
        "äöüäöüäöüäöü"
    );
    assert!(long.iter().all(|chunk| chunk.text.chars().count() <= 8));
}

#[test]
fn lines_are_those_of_the_text() {
    let blocks = [
        "one two three four\nfive six seven\neight nine ten",
        "eleven",
    ];
    let lines: Vec<_> = cut(&blocks, 8, 0)
        .iter()
        .map(|chunk| chunk.lines.unwrap())
        .collect();
    assert_eq!(lines, [(1, 2), (3, 4)]);
}

#[test]
fn a_count_that_fails_is_told() {
    let fails = |_: &str| Err("no".to_owned());
    assert_eq!(
        chunks(&document(&["a"]), &ChunkSize::default(), &fails),
        Err("no".to_owned())
    );
}

fn block() -> impl Strategy<Value = String> {
    let word = prop_oneof![4 => "[a-z]{1,9}", 1 => "[a-z]{1,5}[.!?]", 1 => Just("\n".to_owned())];
    vec(word, 1..60).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn chunks_fit_and_lose_nothing(blocks in vec(block(), 1..6), size in 8..40_usize, overlap in 0..20_usize) {
        let overlap = overlap.min(size / 2);
        let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
        let said: Vec<&str> = blocks.iter().flat_map(|block| block.split_whitespace()).collect();
        let plain = texts(&blocks, size, 0);
        let told: Vec<&str> = plain.iter().flat_map(|text| text.split_whitespace()).collect();
        prop_assert_eq!(&told, &said, "without overlap every word once, in order");
        let chunks = texts(&blocks, size, overlap);
        let mut at = 0;
        for chunk in &chunks {
            let words: Vec<&str> = chunk.split_whitespace().collect();
            prop_assert!(words.len() <= size);
            // It begins at most `overlap` words before the end of the one before, and goes beyond.
            let begin = (at - overlap.min(at)..=at).find(|begin| {
                begin + words.len() > at && said[*begin..].starts_with(&words)
            });
            prop_assert!(begin.is_some() || words.is_empty(), "{chunk:?}");
            at = begin.map_or(at, |begin| begin + words.len());
        }
        prop_assert_eq!(at, said.len());
    }
}
