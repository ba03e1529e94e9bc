//! Stop strings and stop tokens.

use super::fixture::*;
use crate::stage::generate::{FinishReason, StopMatch, TextRequest};

fn stop_text(text: &str) -> FinishReason {
    FinishReason::Stop {
        matched: Some(StopMatch::Text(text.to_owned())),
    }
}

fn story() -> Vec<u32> {
    WORDS[..5].iter().map(|text| word(text)).collect()
}

#[tokio::test]
async fn a_stop_string_split_over_tokens_never_leaks() {
    let request = TextRequest {
        stop: vec!["nothing".to_owned(), "STOP".to_owned()],
        ..asking("Once")
    };
    let answer = ask_one(&saying(story()), request).await;
    assert_eq!(answer.text, "Hello world. ");
    assert_eq!(answer.finished().0, &stop_text("STOP"));
    // `ld. S` has text before the stop string; `TOP and` is wholly behind its beginning.
    assert_eq!(answer.ids(), story()[..3]);
    // All four were generated: the last of them completed the stop string.
    assert_eq!(answer.finished().1.completion_tokens, 4);
}

#[tokio::test]
async fn a_stop_string_hides_nothing_of_what_was_cached() {
    let model = saying(story());
    let request = TextRequest {
        stop: vec!["STOP".to_owned()],
        ..asking(&"long ".repeat(8))
    };
    let first = ask_one(&model, request.clone()).await;
    assert_eq!(first.finished().1.cached_tokens, 0);
    // 41 tokens are two full blocks and a rest.
    let second = ask_one(&model, request).await;
    assert_eq!(second.finished().0, &stop_text("STOP"));
    assert_eq!(second.finished().1.cached_tokens, 32);
}

#[tokio::test]
async fn a_stop_string_may_be_part_of_the_text() {
    let request = TextRequest {
        stop: vec!["STOP".to_owned()],
        include_stop_str_in_output: true,
        ..asking("Once")
    };
    let answer = ask_one(&saying(story()), request).await;
    assert_eq!(answer.text, "Hello world. STOP");
    assert_eq!(answer.ids(), story()[..4]);
}

#[tokio::test]
async fn what_only_looked_like_a_stop_string_comes_out_with_its_tokens() {
    let request = TextRequest {
        stop: vec!["STOP and go".to_owned()],
        ..asking("Once")
    };
    let answer = ask_one(&saying(story()), request).await;
    assert_eq!(answer.text, "Hello world. STOP and more");
    assert_eq!(answer.ids(), story());
    assert_eq!(answer.finished().0, &FinishReason::Stop { matched: None });
}

#[tokio::test]
async fn stop_strings_are_looked_for_behind_min_tokens() {
    for (min_tokens, text) in [(0, "a"), (1, "a"), (2, "a.b"), (3, "a.b"), (4, "a.b.c")] {
        let mut request = TextRequest {
            stop: vec![".".to_owned()],
            ..asking("Once")
        };
        request.params.min_tokens = min_tokens;
        let answer = ask_one(&saying(bytes("a.b.c.d")), request).await;
        assert_eq!(answer.text, text, "min_tokens {min_tokens}");
        assert_eq!(answer.finished().0, &stop_text("."));
    }
}

#[tokio::test]
async fn the_models_own_end_is_not_text() {
    let answer = ask_one(&saying(bytes("ab")), asking("Once")).await;
    assert_eq!((answer.text.as_str(), answer.ids()), ("ab", bytes("ab")));
    let (reason, usage) = answer.finished();
    assert_eq!(reason, &FinishReason::Stop { matched: None });
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (5, 3));
    assert_eq!(usage.cached_tokens, 0);
}

#[tokio::test]
async fn the_models_own_end_is_shown_on_request() {
    let visible = TextRequest {
        skip_special_tokens: false,
        ..asking("Once")
    };
    let answer = ask_one(&saying(bytes("ab")), visible).await;
    assert_eq!(answer.text, "ab<|im_end|>");

    let listed = TextRequest {
        include_stop_str_in_output: true,
        ..asking("Once")
    };
    let answer = ask_one(&saying(bytes("ab")), listed).await;
    assert_eq!(answer.text, "ab", "a special token has no text");
    assert_eq!(answer.ids().last(), Some(&EOS));
}

#[tokio::test]
async fn stop_tokens_end_the_answer_and_are_named() {
    let mut request = asking("Once");
    request.params.stop_token_ids = vec![u32::from(b'c')];
    let answer = ask_one(&saying(bytes("abcd")), request.clone()).await;
    assert_eq!(answer.text, "ab");
    let reason = FinishReason::Stop {
        matched: Some(StopMatch::Token(u32::from(b'c'))),
    };
    assert_eq!(answer.finished().0, &reason);
    assert_eq!(answer.finished().1.completion_tokens, 3);

    request.include_stop_str_in_output = true;
    assert_eq!(ask_one(&saying(bytes("abcd")), request).await.text, "abc");
}

#[tokio::test]
async fn an_ignored_end_is_a_token_like_any_other() {
    let mut request = TextRequest {
        max_tokens: Some(5),
        ..asking("Once")
    };
    request.params.ignore_eos = true;
    let script = [bytes("ab"), vec![EOS], bytes("cd")].concat();
    let answer = ask_one(&saying(script.clone()), request).await;
    assert_eq!((answer.text.as_str(), answer.ids()), ("abcd", script));
    assert_eq!(answer.finished().0, &FinishReason::Length);
}
