//! Texts as the reference writes them, and what ends them.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use engine::{EncodeError, Translator, TranslatorConfig};
use serde::Deserialize;

use crate::{checkpoint, golden, wait};

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    max_tokens: usize,
    written: Vec<u32>,
    complete: bool,
    translation: String,
}

const PREFIX: &str = "translate English to French: ";

fn open(name: &str) -> Translator {
    Translator::open(&checkpoint(name), &TranslatorConfig::default()).unwrap()
}

#[test]
fn texts_are_written_as_the_reference_writes_them() {
    let mut longest = 0;
    for name in ["translator", "rewriter"] {
        let translator = open(name);
        for case in golden::<Case>(name) {
            let found = wait(translator.translate(case.text.clone(), case.max_tokens)).unwrap();
            assert_eq!(found.text, case.translation, "{name}, {:?}", case.text);
            assert_eq!(found.complete, case.complete);
            assert_eq!(found.read_tokens, case.ids.len());
            assert_eq!(found.written_tokens, case.written.len());
            longest = longest.max(case.written.len());
        }
    }
    assert!(longest > 20, "no text is long enough to go astray");
}

#[test]
fn hello_world_is_bonjour_monde() {
    let translator = open("translator");
    let ask =
        |text: &str, most| wait(translator.translate(format!("{PREFIX}{text}"), most)).unwrap();
    let found = ask("Hello world!", 40);
    assert_eq!(
        (found.text.as_str(), found.complete),
        ("Bonjour Monde!", true)
    );
    let cut = ask("Hello world!", 2);
    assert_eq!((cut.written_tokens, cut.complete), (2, false));
    assert!("Bonjour Monde!".starts_with(&cut.text), "{}", cut.text);
}

#[test]
fn many_callers_are_answered_each_with_its_own() {
    let config = TranslatorConfig {
        max_queued: 1,
        ..TranslatorConfig::default()
    };
    let translator = Translator::open(&checkpoint("translator"), &config).unwrap();
    let cases = [
        ("Hello world!", "Bonjour Monde!"),
        ("Thank you very much.", "Merci beaucoup."),
        ("My name is Ada.", "Je m'appelle Ada."),
    ];
    thread::scope(|scope| {
        for (english, french) in cases.iter().cycle().take(9) {
            let translator = translator.clone();
            scope.spawn(move || {
                let found = wait(translator.translate(format!("{PREFIX}{english}"), 40));
                assert_eq!(found.unwrap().text, *french);
            });
        }
    });
}

#[test]
fn a_text_whose_reader_has_gone_is_not_finished() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let translator = open("rewriter");
    // It would write for hours.
    let mut asked = Box::pin(translator.translate("Hello world!".to_owned(), usize::MAX));
    let waker = Waker::from(Arc::new(Nobody));
    let polled = asked.as_mut().poll(&mut Context::from_waker(&waker));
    assert_eq!(polled, Poll::Pending);
    drop(asked);
    let next = wait(translator.translate("Hello world!".to_owned(), 3)).unwrap();
    assert_eq!(next.written_tokens, 3);
}

#[test]
fn what_is_too_long_and_what_comes_too_late_is_refused() {
    let translator = open("translator");
    assert_eq!(translator.max_input_tokens(), 256);
    let error = wait(translator.translate("station ".repeat(300), 5)).unwrap_err();
    assert!(
        matches!(
            error,
            EncodeError::TooManyTokens {
                tokens: 300..,
                limit: 256
            }
        ),
        "{error}"
    );
    let error = wait(translator.translate("x".repeat((1 << 20) + 1), 5)).unwrap_err();
    assert!(matches!(error, EncodeError::TooLong { .. }), "{error}");
    let config = TranslatorConfig {
        max_input_tokens: Some(10),
        ..TranslatorConfig::default()
    };
    let small = Translator::open(&checkpoint("translator"), &config).unwrap();
    let error = wait(small.translate(format!("{PREFIX}Hello world!"), 5)).unwrap_err();
    assert!(
        matches!(error, EncodeError::TooManyTokens { limit: 10, .. }),
        "{error}"
    );
    translator.shutdown();
    translator.shutdown();
    let closed = wait(translator.translate("a".to_owned(), 5));
    assert_eq!(closed, Err(EncodeError::ShuttingDown));
}
