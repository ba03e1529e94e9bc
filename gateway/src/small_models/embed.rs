//! Texts to vectors.

use std::time::Duration;

use engine::{EncodeError, EncodedText, Encoder, Overlong};

use super::served::ServedSmallModel;
use crate::error::ApiError;
use crate::openai::{EmbeddingRequest, Prompt};

/// The vectors of a request's inputs, in their order, and how many tokens they have.
///
/// # Errors
/// Names the input, or the field, at fault.
pub(crate) async fn embedded(
    served: &ServedSmallModel,
    encoder: &Encoder,
    request: EmbeddingRequest,
    retry_after: Duration,
) -> Result<(Vec<Vec<f32>>, u32), ApiError> {
    prove(encoder, served.name(), &request)?;
    let EmbeddingRequest {
        inputs,
        dimensions,
        prompt_name,
        overlong,
        ..
    } = request;
    let names = inputs.names();
    let (own, texts) = (encoder.clone(), inputs.texts);
    let encode = move || {
        let encoded = texts.into_iter().enumerate().map(|(index, text)| {
            let encoded = match text {
                Prompt::Text(text) => own.encode(&text, prompt_name.as_deref(), overlong),
                Prompt::Tokens(ids) => of_ids(&own, ids, overlong),
            };
            encoded.map_err(|error| (index, error))
        });
        encoded.collect::<Result<Vec<_>, _>>()
    };
    let encoded = served.prepare(encode).await?;
    let encoded = encoded
        .map_err(|(index, error)| ApiError::encode(&error, Some(&names.of(index)), retry_after))?;
    let tokens = count(&encoded);
    let vectors = encoder.embed_encoded(encoded).await;
    let mut vectors = vectors.map_err(|error| ApiError::encode(&error, None, retry_after))?;
    if let Some(length) = dimensions {
        encoder.cut(&mut vectors, length);
    }
    Ok((vectors, tokens))
}

/// Tokens of some texts.
pub(super) fn count(texts: &[EncodedText]) -> u32 {
    let counts = texts.iter().map(EncodedText::token_count);
    u32::try_from(counts.sum::<usize>()).unwrap_or(u32::MAX)
}

fn of_ids(
    encoder: &Encoder,
    mut ids: Vec<u32>,
    overlong: Overlong,
) -> Result<EncodedText, EncodeError> {
    if overlong == Overlong::Cut {
        ids.truncate(encoder.max_seq_length());
    }
    encoder.take_ids(ids)
}

fn prove(encoder: &Encoder, name: &str, request: &EmbeddingRequest) -> Result<(), ApiError> {
    let whole = encoder.dimension();
    if let Some(length) = request.dimensions
        && !encoder.dimensions().allow(length, whole)
    {
        let lengths = match encoder.dimensions() {
            engine::Dimensions::Whole => format!(
                "{whole}, since nothing says that it was trained for shorter ones (`matryoshka_dimensions`)"
            ),
            engine::Dimensions::Some(lengths) => {
                let lengths: Vec<_> = lengths.iter().map(usize::to_string).collect();
                format!("{} or {whole}", lengths.join(", "))
            }
            engine::Dimensions::Any => format!("1 to {whole}"),
        };
        let message =
            format!("dimensions is {length}, but the vectors of `{name}` have {lengths} numbers");
        return Err(ApiError::invalid("dimensions", message));
    }
    if let Some(prompt) = &request.prompt_name
        && !encoder.prompts().any(|known| known == prompt)
    {
        let known: Vec<_> = encoder.prompts().collect();
        let known = match known.as_slice() {
            [] => "none".to_owned(),
            known => known.join(", "),
        };
        let prompt: String = prompt.chars().take(80).collect();
        let message = format!("the model `{name}` has no prompt {prompt:?}; it has {known}");
        return Err(ApiError::invalid("prompt_name", message));
    }
    Ok(())
}
