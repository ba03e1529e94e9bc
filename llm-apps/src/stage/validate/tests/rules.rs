//! Each rule, on whole answers.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::fixture::*;
use crate::payload::{Answer, Kind, Payload};
use crate::stage::validate::{
    AnswerSchema, Grounding, Judge, JudgeOptions, Languages, OnFailure, Pattern, Retry,
    ValidateOptions, ValidateStage,
};
use crate::stage::{Call, StageError};
use crate::template::Condition;

/// The reason why an answer is sent back, or `None`.
async fn reason(
    options: ValidateOptions,
    judge: Option<Arc<dyn Judge>>,
    variables: Value,
) -> Option<String> {
    let options = ValidateOptions {
        on_failure: OnFailure {
            retry: Some(Retry::Always),
            ..OnFailure::default()
        },
        ..options
    };
    let payload = check_with(options, judge, variables).await.unwrap();
    let valid = verdict(&payload, "valid") == true;
    (!valid).then(|| verdict(&payload, "reason").as_str().unwrap().to_owned())
}

async fn reason_of(options: &ValidateOptions, answer: &str) -> Option<String> {
    reason(options.clone(), None, json!({"answer": answer})).await
}

#[tokio::test]
async fn json_must_fit_its_schema() {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
        "required": ["name"],
    });
    let options = ValidateOptions {
        json_schema: Some(AnswerSchema::new(schema).unwrap()),
        ..ValidateOptions::default()
    };
    assert_eq!(
        reason_of(&options, r#" {"name": "Ada", "age": 36} "#).await,
        None
    );
    let said = reason_of(&options, r#"{"name": 1, "age": -1}"#)
        .await
        .unwrap();
    assert!(
        said.contains("`/name`: 1 is not of type \"string\""),
        "{said}"
    );
    assert!(
        said.contains("`/age`: -1 is less than the minimum of 0"),
        "{said}"
    );
    let said = reason_of(&options, "Sure: {}").await.unwrap();
    assert!(
        said.starts_with("the answer is no JSON: expected value at line 1"),
        "{said}"
    );
    let deep = "[".repeat(100_000);
    assert!(reason_of(&options, &deep).await.is_some());
}

#[test]
fn a_schema_that_is_none_or_stands_elsewhere_is_refused() {
    assert!(AnswerSchema::new(json!({"type": "nonsense"})).is_err());
    for address in ["http://localhost:1/schema.json", "file:///etc/passwd"] {
        let error = AnswerSchema::new(json!({"$ref": address})).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("this is no JSON Schema that can be used"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_pattern_must_be_found() {
    let options = ValidateOptions {
        regex: Some(Pattern::new(r"^(yes|no)\.?$").unwrap()),
        ..ValidateOptions::default()
    };
    for (answer, fits) in [
        ("yes", true),
        ("no.", true),
        ("yes!", false),
        ("", false),
        ("maybe", false),
    ] {
        assert_eq!(
            reason_of(&options, answer).await.is_none(),
            fits,
            "{answer}"
        );
    }
    let anything = ValidateOptions {
        regex: Some(Pattern::new("^$|a").unwrap()),
        ..ValidateOptions::default()
    };
    assert_eq!(reason_of(&anything, "").await, None);
    assert_eq!(reason_of(&anything, "bab").await, None);
}

#[tokio::test]
async fn a_language_is_told_where_it_can_be() {
    let options = ValidateOptions {
        language: Some(Languages::new(["en", "fra"]).unwrap()),
        ..ValidateOptions::default()
    };
    let english = "The server answers as soon as the first token of the answer has been computed.";
    let french =
        "Le serveur répond dès que le premier mot de la réponse est calculé, pas plus tard.";
    let german = "Der Server antwortet, sobald das erste Wort der Antwort berechnet worden ist, nicht später.";
    assert_eq!(reason_of(&options, english).await, None);
    assert_eq!(reason_of(&options, french).await, None);
    assert_eq!(
        reason_of(&options, "42").await,
        None,
        "too short to be told"
    );
    let said = reason_of(&options, german).await.unwrap();
    assert_eq!(
        said,
        "the answer is in German, but must be in English or French"
    );
    let unknown = Languages::new(["en", "xx"]).unwrap_err().to_string();
    assert!(unknown.starts_with("`xx` is no language that can be told"));
}

fn passages(texts: &[&str]) -> Value {
    let passage = |text: &&str| json!({"id": "1", "text": text, "source": "a.md", "score": 1.0});
    texts.iter().map(passage).collect()
}

#[tokio::test]
async fn an_answer_stands_in_its_passages() {
    let options = ValidateOptions {
        grounding: Some(Grounding {
            threshold: 0.6,
            ..Grounding::default()
        }),
        ..ValidateOptions::default()
    };
    assert_eq!(options.signature().reads["passages"], Kind::Passages);
    let found = passages(&[
        "The scheduler preempts the latest sequence.",
        "A block holds 16 tokens.",
    ]);
    let variables = |answer: &str| json!({"answer": answer, "passages": found});
    assert_eq!(
        reason(
            options.clone(),
            None,
            variables("The Scheduler preempts the LATEST one.")
        )
        .await,
        None
    );
    assert_eq!(
        reason(options.clone(), None, variables("It is so.")).await,
        None,
        "without content"
    );
    let said = reason(
        options.clone(),
        None,
        variables("A block holds 32 bananas today."),
    )
    .await
    .unwrap();
    assert!(
        said.starts_with(
            "2 of 5 content words of the answer stand in the passages, which is 0.40 and below 0.6"
        ),
        "{said}"
    );
    assert!(
        said.ends_with("missing are for example 32, bananas, today"),
        "{said}"
    );
    // In another order the words are there, the pairs are not.
    let pairs = ValidateOptions {
        grounding: Some(Grounding {
            ngram: 2,
            ..Grounding::default()
        }),
        ..ValidateOptions::default()
    };
    assert_eq!(
        reason(pairs.clone(), None, variables("latest sequence")).await,
        None
    );
    assert!(
        reason(pairs, None, variables("sequence latest preempts"))
            .await
            .is_some()
    );
    // Signs of a script without spaces are words.
    let chinese = json!({"answer": "块", "passages": passages(&["一个块"])});
    assert_eq!(reason(options, None, chinese).await, None);
}

/// Says yes to what contains a word.
struct Wanting(&'static str);

impl Judge for Wanting {
    fn ask<'a>(
        &'a self,
        mut payload: Payload,
        _: &'a Call,
    ) -> BoxFuture<'a, Result<Payload, StageError>> {
        let says = if payload.text("answer").unwrap().contains(self.0) {
            "yes"
        } else {
            "no: rude"
        };
        payload.set_answer(Answer::of(says));
        async move { Ok(payload) }.boxed()
    }
}

#[tokio::test]
async fn a_judge_has_the_last_word() {
    let options = ValidateOptions {
        judge: Some(JudgeOptions {
            steps: vec!["judge".to_owned()],
            pass: Condition::new("answer is startingwith 'yes'").unwrap(),
        }),
        ..ValidateOptions::default()
    };
    let ask = |answer: &str| {
        let judge: Arc<dyn Judge> = Arc::new(Wanting("please"));
        reason(options.clone(), Some(judge), json!({"answer": answer}))
    };
    assert_eq!(ask("please wait").await, None);
    let said = ask("wait").await.unwrap();
    assert_eq!(
        said,
        "the judge does not let the answer pass and says: no: rude"
    );
    assert!(ValidateStage::new(options.clone(), None).is_err());
}
