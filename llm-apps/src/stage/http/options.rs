//! What is asked of the service, and what is taken from its answer.

use std::time::Duration;

use super::body::HttpBody;
use crate::payload::{Kind, Signature, names};
use crate::template::{PromptTemplate, UrlTemplate};

/// A call of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpStageOptions {
    /// The address.
    pub url: UrlTemplate,
    /// Default: POST with a body, GET without one.
    pub method: HttpMethod,
    /// Headers by name.
    pub headers: Vec<(String, PromptTemplate)>,
    /// What is sent.
    pub body: Option<HttpBody>,
    /// What is taken from the answer. Default: all of it, as JSON.
    pub response: HttpResponse,
    /// The variable that is written. Default: `response`.
    pub output: String,
    /// Time for one try, the whole answer read. Default: 30 s.
    pub timeout: Duration,
    /// Bytes of an answer at most. Default: 1 MiB.
    pub max_response_bytes: usize,
    /// Further tries after a failure that may pass: no connection, no answer in time, 429, 5xx. Only
    /// where a second request does what one does. Default: 2, and 0 for POST and PATCH.
    pub retries: u32,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum HttpMethod {
    Get,
    Put,
    Post,
    Patch,
    Delete,
}

/// What is taken from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpResponse {
    /// Its JSON: what stands at this pointer (RFC 6901), such as `/data/0/text`; empty is all of it.
    Json(String),
    /// Its text.
    Text,
}

impl HttpMethod {
    /// Whether a second request does what one does (RFC 9110, 9.2.2).
    pub fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Put | Self::Delete)
    }
}

impl HttpStageOptions {
    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        let headers = self.headers.iter().map(|(_, template)| template);
        let body = self.body.iter().flat_map(HttpBody::templates);
        let templates = headers.chain(body).chain([self.url.template()]);
        let mut signature = Signature::default();
        for name in templates.flat_map(|template| template.names()) {
            let kind = if name == names::QUESTION {
                Kind::Text
            } else {
                Kind::Any
            };
            signature = signature.reads(name, kind);
        }
        let kind = match self.response {
            HttpResponse::Json(_) => Kind::Any,
            HttpResponse::Text => Kind::Text,
        };
        signature.writes(&self.output, kind)
    }
}
