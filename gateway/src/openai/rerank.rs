//! `POST /v1/rerank`, in the shape that Cohere and Jina share.

use std::fmt;

use engine::Overlong;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::inputs::{at_most_inputs, overlong};
use super::judge::{Rules, judged};
use super::parse::{required, typed};
use super::tables::RERANK;
use super::usage::ReadUsage;
use crate::error::ApiError;

/// What a client wants put in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RerankRequest {
    /// The name of a classifier of pairs, or of an encoder.
    pub model: String,
    /// The question.
    pub query: String,
    /// What may answer it, at least one.
    pub documents: Vec<String>,
    /// How many are told, at least 1; `None` tells all.
    pub top_n: Option<usize>,
    /// Whether their texts are told again.
    pub return_documents: bool,
    /// What becomes of a text that is too long.
    pub overlong: Overlong,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Reranked {
    id: String,
    model: String,
    results: Vec<Ranked>,
    usage: ReadUsage,
}

#[derive(Debug, Serialize)]
struct Ranked {
    index: usize,
    relevance_score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Told>,
}

#[derive(Debug, Serialize)]
struct Told {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    query: Option<String>,
    documents: Option<Vec<Document>>,
    top_n: Option<u32>,
    return_documents: Option<bool>,
    truncate_prompt_tokens: Option<i64>,
}

/// A text, alone or in an object.
#[derive(Debug)]
struct Document(String);

#[derive(Debug, Deserialize)]
struct DocumentObject {
    text: String,
}

/// Reads the body of `POST /v1/rerank`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn rerank_request(body: &[u8], rules: Rules) -> Result<RerankRequest, ApiError> {
    let (request, unknown_fields) = judged(body, RERANK, rules)?;
    let wire: Wire = typed(&request)?;
    let model = required(wire.model, "model")?;
    let query = required(wire.query, "query")?;
    if query.is_empty() {
        let message = "query is empty; without a question nothing can be put in order";
        return Err(ApiError::invalid("query", message));
    }
    let documents = required(wire.documents, "documents")?;
    if documents.is_empty() {
        let message = "documents is empty; at least one is needed";
        return Err(ApiError::invalid("documents", message));
    }
    at_most_inputs("documents", documents.len())?;
    if wire.top_n == Some(0) {
        let message = "top_n must be at least 1, but is 0";
        return Err(ApiError::invalid("top_n", message));
    }
    Ok(RerankRequest {
        model,
        query,
        documents: documents.into_iter().map(|document| document.0).collect(),
        top_n: wire.top_n.map(|count| count as usize),
        return_documents: wire.return_documents.unwrap_or(false),
        overlong: overlong(wire.truncate_prompt_tokens)?.unwrap_or(Overlong::Cut),
        unknown_fields,
    })
}

impl Reranked {
    /// The best first; equals stay in the request's order. `documents` are told again where there are some.
    pub(crate) fn new(
        (id, model): (String, &str),
        scores: &[f32],
        top_n: Option<usize>,
        documents: Option<&[String]>,
        tokens: u32,
    ) -> Self {
        let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        order.truncate(top_n.unwrap_or(usize::MAX));
        let ranked = |(index, relevance_score): (usize, f32)| Ranked {
            index,
            relevance_score,
            document: documents
                .and_then(|all| all.get(index))
                .map(|text| Told { text: text.clone() }),
        };
        Self {
            id,
            model: model.to_owned(),
            results: order.into_iter().map(ranked).collect(),
            usage: ReadUsage::new(tokens),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an object with a `text`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Document, E> {
        Ok(Document(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
        let object = DocumentObject::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Document(object.text))
    }
}
