//! Answers that are checked on their way.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use regex_automata::nfa::thompson::pikevm::PikeVM;

use super::fixture::*;
use crate::payload::{Answer, AnswerEvent, Completion};
use crate::stage::StageError;
use crate::stage::validate::{
    Forbidden, OnFailure, Pattern, Refusal, Retry, StreamMode, ValidateOptions,
};

#[tokio::test]
async fn what_is_valid_goes_on_as_it_comes() {
    let options = forbidding(&["secret"], &[]);
    let answer = pieces(&["Hello", " world, a se", "cond s", "."]);
    let (texts, end) = read(stream(options, answer).await.unwrap()).await;
    assert_eq!(texts, ["Hello", " world, a ", "second ", "s."]);
    assert_eq!(end.unwrap(), Completion::Stop);
}

#[tokio::test]
async fn a_refused_answer_ends_before_what_is_forbidden_and_is_cancelled() {
    let guard = Arc::new(());
    let texts = ["The key is sec", "ret, and"].map(|text| Ok(AnswerEvent::Text(text.to_owned())));
    // A generation that never ends by itself.
    let endless = futures::stream::iter(texts).chain(futures::stream::pending());
    let answer = Answer::new(endless).holding(Arc::clone(&guard));
    let payload = stream(forbidding(&["secret"], &[]), answer).await.unwrap();
    assert!(payload.get("verdict").is_none());
    let mut payload = payload;
    let mut events = payload.take_answer().unwrap().into_stream();
    let first = events.next().await;
    assert!(matches!(first, Some(Ok(AnswerEvent::Text(text))) if text == "The key is "));
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(
        Arc::strong_count(&guard),
        1,
        "dropped while the reader still holds the answer"
    );
    assert_eq!(code(&error), "invalid_answer");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_repaired_answer_ends_before_what_is_forbidden() {
    let options = repairing(forbidding(&[], &[r"\d{4}"]));
    let answer = pieces(&["My PIN is 12", "34. Bye"]);
    let (texts, end) = read(stream(options, answer).await.unwrap()).await;
    assert_eq!(
        (texts.concat().as_str(), end.unwrap()),
        ("My PIN is ", Completion::Stop)
    );
}

#[tokio::test]
async fn nothing_left_is_refused_and_not_repaired() {
    let options = repairing(forbidding(&["secret"], &[]));
    let (texts, end) = read(stream(options, pieces(&[" secret"])).await.unwrap()).await;
    assert_eq!(
        (texts.concat().as_str(), code(&end.unwrap_err())),
        (" ", "invalid_answer")
    );
}

#[tokio::test]
async fn a_limit_of_characters_is_exact() {
    let options = repairing(ValidateOptions {
        max_chars: Some(3),
        ..ValidateOptions::default()
    });
    for (given, passed) in [
        (&["é", "ab"][..], "éab"),
        (&["éa", "bc"], "éab"),
        (&["éabcdef"], "éab"),
    ] {
        let (texts, end) = read(stream(options.clone(), pieces(given)).await.unwrap()).await;
        assert_eq!(
            (texts.concat().as_str(), end.unwrap()),
            (passed, Completion::Stop)
        );
    }
}

#[tokio::test]
async fn a_doomed_generation_is_cancelled_although_it_is_held_back() {
    let options = ValidateOptions {
        regex: Some(Pattern::new(r"^\s*\{").unwrap()),
        on_failure: OnFailure {
            retry: Some(Retry::Always),
            ..OnFailure::default()
        },
        ..ValidateOptions::default()
    };
    assert!(!options.streams());
    let text = futures::stream::iter([Ok(AnswerEvent::Text("Sure! Here".to_owned()))]);
    let endless = Answer::new(text.chain(futures::stream::pending()));
    let payload = stream(options, endless)
        .now_or_never()
        .expect("it does not wait for the end")
        .unwrap();
    assert_eq!(verdict(&payload, "valid"), false);
    assert_eq!(verdict(&payload, "action"), "retry");
    assert_eq!(
        verdict(&payload, "reason"),
        r"the answer does not match `^\s*\{`"
    );
    assert_eq!(payload.text("answer").unwrap(), "Sure! Here");
}

#[tokio::test]
async fn rules_about_the_whole_hold_it_back_unless_told_otherwise() {
    let mut options = ValidateOptions {
        regex: Some(Pattern::new("done$").unwrap()),
        ..ValidateOptions::default()
    };
    let mut payload = stream(options.clone(), pieces(&["all ", "done"]))
        .await
        .unwrap();
    assert!(payload.take_answer().is_none(), "it is complete");
    assert_eq!(payload.text("answer").unwrap(), "all done");
    assert_eq!(verdict(&payload, "valid"), true);

    options.stream = StreamMode::Always;
    let (texts, end) = read(
        stream(options.clone(), pieces(&["all ", "done"]))
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((texts.concat().as_str(), end.is_ok()), ("all done", true));
    let (texts, end) = read(stream(options, pieces(&["not ", "yet"])).await.unwrap()).await;
    assert_eq!(
        (texts.concat().as_str(), code(&end.unwrap_err())),
        ("not yet", "invalid_answer")
    );
}

#[tokio::test]
async fn an_answer_that_fails_by_itself_fails() {
    let broken = futures::stream::iter([
        Ok(AnswerEvent::Text("half".to_owned())),
        Err(StageError::failed("lost")),
    ]);
    let payload = stream(forbidding(&["x"], &[]), Answer::new(broken))
        .await
        .unwrap();
    let (texts, end) = read(payload).await;
    assert_eq!(
        (
            texts.concat().as_str(),
            end.unwrap_err().to_string().as_str()
        ),
        ("half", "lost")
    );
}

/// Patterns that look no further than their own match, so that a cut makes no new one.
const PATTERNS: &[&str] = &["ab", "a+b", "a.b", "(?i)b1", "é[ab]?1", "a{3}", "a.*1b"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// However the text comes, the same comes out as of the whole, and nothing that is forbidden.
    #[test]
    fn what_is_streamed_is_what_is_valid(
        patterns in prop::sample::subsequence(PATTERNS, 1..4),
        max_chars in prop::option::of(0_usize..20),
        repair: bool,
        text in "[abB1é \n]{0,24}",
        cuts in prop::collection::vec(0_usize..24, 0..8),
    ) {
        let owned: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let options = ValidateOptions {
            forbidden: Some(Forbidden::new(&[], &owned).unwrap()),
            max_chars,
            on_failure: OnFailure { repair, refusal: Refusal::default(), ..OnFailure::default() },
            ..ValidateOptions::default()
        };
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| text.is_char_boundary(cut) && cut < text.len()).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let parts: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let streaming = async { read(stream(options.clone(), pieces(&parts)).await.unwrap()).await };
        let (streamed, end) = streaming.now_or_never().expect("nothing waits");
        let streamed = streamed.concat();
        let whole = check(options.clone(), &text).now_or_never().expect("nothing waits");
        match (&whole, &end) {
            (Ok(whole), Ok(_)) => prop_assert_eq!(whole.text("answer").unwrap(), streamed.as_str()),
            (Err(whole), Err(end)) => prop_assert_eq!(whole.to_string(), end.to_string()),
            (whole, end) => prop_assert!(false, "the whole: {:?}, streamed: {:?}", whole, end),
        }
        let oracle = PikeVM::new_many(&patterns).unwrap();
        prop_assert!(!oracle.is_match(&mut oracle.create_cache(), &streamed), "{:?}", streamed);
        prop_assert!(text.starts_with(&streamed));
        if let Some(max) = max_chars {
            prop_assert!(streamed.chars().count() <= max);
        }
    }
}
