//! Texts in, other texts out.

use std::sync::Arc;

use engine::{EncodeError, Translation};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{TextTranslator, TranslateOptions, TranslateStage};
use crate::payload::Payload;
use crate::stage::{Call, Stage, StageError, TokenCount};

/// Writes the letters of a text backwards, each a token.
#[derive(Debug)]
struct Backwards;

impl TextTranslator for Backwards {
    fn translate(
        &self,
        text: String,
        max_tokens: usize,
    ) -> BoxFuture<'_, Result<Translation, EncodeError>> {
        let letters = text.chars().count();
        let found = match text.as_str() {
            "ended" => Err(EncodeError::ShuttingDown),
            _ if letters > 20 => Err(EncodeError::TooManyTokens {
                tokens: letters,
                limit: 20,
            }),
            _ => Ok(Translation {
                text: text.chars().rev().take(max_tokens).collect(),
                complete: letters <= max_tokens,
                read_tokens: letters,
                written_tokens: letters.min(max_tokens),
            }),
        };
        std::future::ready(found).boxed()
    }
}

async fn translate(prefix: &str, text: &str) -> Result<(String, TokenCount), StageError> {
    let options = TranslateOptions {
        translator: "backwards".to_owned(),
        input: "question".to_owned(),
        output: "translation".to_owned(),
        prefix: prefix.to_owned(),
        max_tokens: 10,
    };
    let stage = TranslateStage::new(options, Arc::new(Backwards));
    let mut payload = Payload::new();
    payload.set("question", text);
    let call = Call::new("r");
    let made = stage.call(payload, &call).await?;
    Ok((made.text("translation")?.to_owned(), call.tokens()))
}

#[tokio::test]
async fn the_task_stands_before_the_text_and_tokens_are_counted() {
    let (text, tokens) = translate("to: ", "Hello").await.unwrap();
    assert_eq!(text, "olleH :ot");
    assert_eq!((tokens.prompt, tokens.completion, tokens.cached), (9, 9, 0));
    let (text, tokens) = translate("", "Hello world!").await.unwrap();
    assert_eq!((text.as_str(), tokens.completion), ("!dlrow oll", 10));
}

#[tokio::test]
async fn a_text_that_is_too_long_is_the_requests_fault() {
    let error = translate("", &"long ".repeat(5)).await.unwrap_err();
    let StageError::Invalid { message, param } = error else {
        panic!("{error}")
    };
    let said =
        "`question` cannot be translated: the text has 25 tokens, but the model takes at most 20";
    assert_eq!(message, said);
    assert_eq!(param.as_deref(), Some("question"));
    let error = translate("", "ended").await.unwrap_err();
    assert!(matches!(error, StageError::Unavailable(_)), "{error}");
}
