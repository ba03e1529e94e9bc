//! What is done about an answer that breaks a rule.

use serde_json::json;

use super::fixture::*;
use crate::payload::Kind;
use crate::stage::validate::{AnswerSchema, OnFailure, Refusal, Retry, ValidateOptions};

fn extracting() -> ValidateOptions {
    let schema = json!({"type": "object", "required": ["name"]});
    repairing(ValidateOptions {
        json_schema: Some(AnswerSchema::new(schema).unwrap()),
        ..ValidateOptions::default()
    })
}

#[tokio::test]
async fn json_is_taken_out_of_what_stands_around_it() {
    for (answer, taken) in [
        (
            "Here:\n```json\n{\"name\": \"Ada\"}\n```\nBye {x}",
            r#"{"name": "Ada"}"#,
        ),
        (
            r#"[1] or {"a": {"name": 1}} or {"name": 2}"#,
            r#"{"name": 2}"#,
        ),
        (r#"{oh} {"name": "{"}"#, r#"{"name": "{"}"#),
    ] {
        let payload = check(extracting(), answer).await.unwrap();
        assert_eq!(payload.text("answer").unwrap(), taken);
        assert_eq!(verdict(&payload, "valid"), true);
        assert_eq!(verdict(&payload, "action"), "repaired");
        assert_eq!(verdict(&payload, "rule"), "json_schema");
    }
    for answer in ["none", "{\"title\": 1}", "{\"name\": 1", "[[[[["] {
        assert_eq!(
            code(&check(extracting(), answer).await.unwrap_err()),
            "invalid_answer"
        );
    }
}

#[tokio::test]
async fn one_repair_may_need_another() {
    let options = ValidateOptions {
        max_chars: Some(20),
        ..extracting()
    };
    let answer = r#"> {"name": "Ada"} and much more that is too long"#;
    let payload = check(options, answer).await.unwrap();
    assert_eq!(payload.text("answer").unwrap(), r#"{"name": "Ada"}"#);
    assert_eq!(verdict(&payload, "rule"), "max_chars");
}

#[tokio::test]
async fn remedies_are_tried_in_their_order() {
    let mut options = forbidding(&["bad"], &[]);
    options.on_failure = OnFailure {
        repair: true,
        retry: Some(Retry::Until(2)),
        fallback: Some("Sorry.".to_owned()),
        refusal: Refusal::default(),
    };
    assert_eq!(options.signature().reads["attempt"], Kind::Number);
    let at = |attempt: u32, answer: &str| {
        check_with(
            options.clone(),
            None,
            json!({"attempt": attempt, "answer": answer}),
        )
    };
    for (attempt, answer, text, action) in [
        (1, "good", "good", "passed"),
        (1, "good, bad", "good, ", "repaired"),
        (1, "bad", "bad", "retry"),
        (2, "bad", "Sorry.", "fallback"),
    ] {
        let payload = at(attempt, answer).await.unwrap();
        assert_eq!(payload.text("answer").unwrap(), text);
        assert_eq!(verdict(&payload, "action"), action);
        assert_eq!(verdict(&payload, "valid"), text.starts_with("good"));
    }
    assert!(!options.streams(), "what may be replaced is not passed on");
}

#[tokio::test]
async fn a_refusal_says_what_the_application_wants_to_say() {
    let mut options = forbidding(&["password"], &[]);
    let error = check(options.clone(), "the password is x")
        .await
        .unwrap_err();
    assert_eq!(code(&error), "invalid_answer");
    assert_eq!(
        error.to_string(),
        "the answer was withheld, since it did not pass the check `forbidden`"
    );
    options.on_failure.refusal = Refusal {
        code: Some("off_limits".to_owned()),
        message: Some("I do not talk about that.".to_owned()),
    };
    let error = check(options, "the password is x").await.unwrap_err();
    assert_eq!(
        (code(&error), error.to_string().as_str()),
        ("off_limits", "I do not talk about that.")
    );
}

#[tokio::test]
async fn a_cut_that_makes_a_new_fault_is_no_repair() {
    // Before the cut stands what is forbidden at an end.
    let options = repairing(forbidding(&["BAD"], &["foo$"]));
    let error = check(options.clone(), "foo BAD").await;
    assert_eq!(
        error.unwrap().text("answer").unwrap(),
        "foo ",
        "a space is behind it"
    );
    let error = check(options, "fooBAD").await.unwrap_err();
    assert_eq!(code(&error), "invalid_answer");
}
