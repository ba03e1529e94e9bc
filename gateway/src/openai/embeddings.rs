//! `POST /v1/embeddings`: the request, and vectors as numbers or as base64 of little-endian floats.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::Overlong;
use serde::Deserialize;
use serde::Serialize;

use super::inputs::{Inputs, inputs, overlong};
use super::judge::{Rules, judged};
use super::parse::{required, typed};
use super::prompt::Prompts;
use super::tables::EMBEDDINGS;
use super::usage::ReadUsage;
use crate::error::ApiError;

/// What a client wants vectors of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingRequest {
    /// The name of an encoder.
    pub model: String,
    /// The texts.
    pub inputs: Inputs,
    /// How vectors are written.
    pub format: VectorFormat,
    /// Numbers of a vector, at least 1; `None` wants all.
    pub dimensions: Option<usize>,
    /// Which of the model's prompts stands before each text.
    pub prompt_name: Option<String>,
    /// What becomes of a text that is too long.
    pub overlong: Overlong,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// How a vector is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VectorFormat {
    /// A list of numbers.
    #[default]
    Float,
    /// The numbers' bytes.
    Base64,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Embeddings {
    object: &'static str,
    data: Vec<Embedding>,
    model: String,
    usage: ReadUsage,
}

#[derive(Debug, Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Vector {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    input: Option<Prompts>,
    encoding_format: Option<String>,
    dimensions: Option<u32>,
    prompt_name: Option<String>,
    truncate_prompt_tokens: Option<i64>,
}

/// Reads the body of `POST /v1/embeddings`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn embedding_request(body: &[u8], rules: Rules) -> Result<EmbeddingRequest, ApiError> {
    let (request, unknown_fields) = judged(body, EMBEDDINGS, rules)?;
    let wire: Wire = typed(&request)?;
    let format = match wire.encoding_format.as_deref() {
        None | Some("float") => VectorFormat::Float,
        Some("base64") => VectorFormat::Base64,
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            let message =
                format!("encoding_format must be \"float\" or \"base64\", but is {other:?}");
            return Err(ApiError::invalid("encoding_format", message));
        }
    };
    if wire.dimensions == Some(0) {
        let message = "dimensions must be at least 1, but is 0";
        return Err(ApiError::invalid("dimensions", message));
    }
    Ok(EmbeddingRequest {
        model: required(wire.model, "model")?,
        inputs: inputs(&request, wire.input)?,
        format,
        dimensions: wire.dimensions.map(|length| length as usize),
        prompt_name: wire.prompt_name,
        overlong: overlong(wire.truncate_prompt_tokens)?.unwrap_or_default(),
        unknown_fields,
    })
}

impl Embeddings {
    /// The answer of `model`, which read so many tokens.
    pub(crate) fn new(
        model: &str,
        vectors: Vec<Vec<f32>>,
        format: VectorFormat,
        tokens: u32,
    ) -> Self {
        let written = |vector: Vec<f32>| match format {
            VectorFormat::Float => Vector::Float(vector),
            VectorFormat::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                Vector::Base64(STANDARD.encode(bytes))
            }
        };
        let data = vectors.into_iter().enumerate();
        let data = data.map(|(index, vector)| Embedding {
            object: "embedding",
            index,
            embedding: written(vector),
        });
        Self {
            object: "list",
            data: data.collect(),
            model: model.to_owned(),
            usage: ReadUsage::new(tokens),
        }
    }
}
