//! Characters that are split over tokens.

use super::fixture::*;
use crate::stage::generate::{FinishReason, Prompt, TextEvent, TextRequest};
use futures::StreamExt;

#[tokio::test]
async fn no_delta_ends_within_a_character() {
    let text = "naïve 😀 日本 ok";
    let model = saying(bytes(text));
    let prepared = model.prepare(asking("Once")).await.unwrap();
    let mut stream = model.submit(&prepared).unwrap();
    let mut answer = Answer::default();
    while let Some(event) = stream.next().await {
        if let TextEvent::Delta { text, tokens, .. } = &event {
            assert!(!text.contains('\u{fffd}'), "{text:?}");
            let written: Vec<u8> = tokens
                .iter()
                .flat_map(|token| token.bytes.clone())
                .collect();
            assert_eq!(
                text.as_bytes(),
                written,
                "tokens come with the text they write"
            );
        }
        answer.read(event);
    }
    assert_eq!(answer.text, text);
    assert_eq!(answer.ids(), bytes(text));
    // Offsets count characters: the bytes of one character begin where the character does.
    let offsets: Vec<usize> = answer.tokens.iter().map(|token| token.offset).collect();
    assert_eq!(offsets[..6], [0, 1, 2, 2, 3, 4]);
    assert_eq!(offsets.last(), Some(&(text.chars().count() - 1)));
}

#[tokio::test]
async fn a_character_that_stays_incomplete_is_replaced_at_the_end() {
    let request = TextRequest {
        max_tokens: Some(5),
        ..asking("Once")
    };
    let answer = ask_one(&saying(bytes("ab😀")), request).await;
    assert_eq!(answer.text, "ab\u{fffd}");
    assert_eq!(answer.ids(), bytes("ab😀")[..5]);
    assert_eq!(answer.finished().0, &FinishReason::Length);
}

#[tokio::test]
async fn offsets_hold_where_half_characters_repeat() {
    // Half an emoji three times over: each half becomes a U+FFFD, the first two by what follows.
    let half = [0xf0, 0x9f];
    let with = |end: &str| [&half[..], &half, &half, &bytes(end)].concat();
    let script = with("a!");
    let request = TextRequest {
        echo: true,
        prompt: Prompt::Tokens(with("a?")),
        ..asking("")
    };
    let answer = ask_one(&saying(script.clone()), request).await;
    let places = [0, 0, 1, 1, 2, 2, 3, 4];
    assert_eq!(answer.text, "\u{fffd}\u{fffd}\u{fffd}a!");
    assert_eq!(answer.ids(), script);
    let offsets: Vec<usize> = answer.tokens.iter().map(|token| token.offset).collect();
    assert_eq!(offsets, places.map(|place| place + 5), "behind the prompt");
    let (prompt, tokens) = answer.prompt.expect("the prompt is echoed");
    assert_eq!(prompt, "\u{fffd}\u{fffd}\u{fffd}a?");
    let offsets: Vec<usize> = tokens.iter().map(|token| token.offset).collect();
    assert_eq!(offsets, places);
}

#[tokio::test]
async fn a_stop_string_may_begin_within_a_tokens_reach() {
    let request = TextRequest {
        stop: vec!["日".to_owned()],
        ..asking("Once")
    };
    let answer = ask_one(&saying(bytes("é日本")), request).await;
    assert_eq!(answer.text, "é");
    assert_eq!(
        answer.ids(),
        bytes("é"),
        "the bytes of the stop string are not said"
    );
    assert_eq!(answer.finished().1.completion_tokens, 5);
}
