//! Texts in, vectors out.

use std::sync::Arc;

use engine::EncodeError;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::{EmbedOptions, EmbedStage};
use crate::payload::Payload;
use crate::stage::{Call, Stage, StageError};
use crate::vector::TextEncoder;

/// A vector is the length of its text, and a half.
#[derive(Debug)]
struct Lengths;

impl TextEncoder for Lengths {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EncodeError>> {
        async move {
            if texts.iter().any(|text| text == "ended") {
                return Err(EncodeError::ShuttingDown);
            }
            let length = |text: &String| f32::from(u16::try_from(text.len()).unwrap());
            let vector = |text: &String| vec![length(text), 0.5];
            Ok(texts.iter().map(vector).collect())
        }
        .boxed()
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        Ok(text.len())
    }
}

async fn embed(input: Value) -> Result<Value, StageError> {
    let options = EmbedOptions {
        encoder: "lengths".to_owned(),
        input: "input".to_owned(),
        output: "made".to_owned(),
    };
    let stage = EmbedStage::new(options, Arc::new(Lengths));
    let payload = Payload::of(Map::from_iter([("input".to_owned(), input)]));
    let made = stage.call(payload, &Call::new("r")).await?;
    Ok(made.get("made").unwrap().clone())
}

#[tokio::test]
async fn a_text_is_one_vector_and_a_list_is_a_list_of_them() {
    assert_eq!(embed(json!("abc")).await.unwrap(), json!([3.0, 0.5]));
    assert_eq!(
        embed(json!(["abc", ""])).await.unwrap(),
        json!([[3.0, 0.5], [0.0, 0.5]])
    );
    assert_eq!(embed(json!(["a"])).await.unwrap(), json!([[1.0, 0.5]]));
    assert_eq!(embed(json!([])).await.unwrap(), json!([]));
}

#[tokio::test]
async fn what_is_no_text_is_the_requests_fault() {
    for input in [json!(7), json!([1]), json!({"a": "b"}), json!(null)] {
        let error = embed(input.clone()).await.unwrap_err();
        let StageError::Invalid { message, param } = error else {
            panic!("{input}: {error}")
        };
        assert!(
            message.contains("`input` must be a text or a list of texts"),
            "{message}"
        );
        assert_eq!(param.as_deref(), Some("input"));
    }
    let many = embed(json!(vec!["a"; 1025])).await.unwrap_err();
    assert!(many.to_string().contains("1025 texts, but at most 1024"));
}

#[tokio::test]
async fn an_encoder_that_is_going_away_is_unavailable() {
    let error = embed(json!("ended")).await.unwrap_err();
    assert!(matches!(error, StageError::Unavailable(_)), "{error}");
    assert!(error.may_retry());
}
