//! Texts to labels.

use std::time::Duration;

use engine::{Classifier, LabelScores, Overlong};

use super::embed::count;
use super::served::ServedSmallModel;
use crate::error::ApiError;
use crate::openai::{Inputs, Prompt};

/// What a classifier says of some texts, in their order, and how many tokens they have.
///
/// # Errors
/// Names the input at fault.
pub(crate) async fn classified(
    served: &ServedSmallModel,
    classifier: &Classifier,
    (inputs, overlong): (Inputs, Overlong),
    retry_after: Duration,
) -> Result<(Vec<LabelScores>, u32), ApiError> {
    let names = inputs.names();
    let (own, texts) = (classifier.clone(), inputs.texts);
    let encode = move || {
        let encoded = texts.into_iter().enumerate().map(|(index, text)| {
            let encoded = match text {
                Prompt::Text(text) => own.encode(&text.into(), overlong),
                Prompt::Tokens(mut ids) => {
                    if overlong == Overlong::Cut {
                        ids.truncate(own.max_seq_length());
                    }
                    own.take_ids(ids)
                }
            };
            encoded.map_err(|error| (index, error))
        });
        encoded.collect::<Result<Vec<_>, _>>()
    };
    let encoded = served.prepare(encode).await?;
    let encoded = encoded
        .map_err(|(index, error)| ApiError::encode(&error, Some(&names.of(index)), retry_after))?;
    let tokens = count(&encoded);
    let scores = classifier.classify_encoded(encoded).await;
    let scores = scores.map_err(|error| ApiError::encode(&error, None, retry_after))?;
    Ok((scores, tokens))
}
