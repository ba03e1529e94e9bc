//! A provider, and its connections.

use std::fmt;
use std::sync::Arc;

use async_openai::Client as ApiClient;
use async_openai::config::Config;
use futures::stream::unfold;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use tokio::time::Instant;
use tower::service_fn;

use super::options::UpstreamOptions;
use super::reading::{Frames, Reading, Said};
use super::request::{Input, UpstreamRequest};
use super::retry::pause;
use super::transport;
use super::trouble::{Note, Trouble};
use crate::payload::{Answer, AnswerEvent};
use crate::stage::spent::Spent;
use crate::stage::{Call, StageError};

/// A provider's model. Clones share its connections, and so do all stages that ask it.
#[derive(Clone)]
pub struct Upstream {
    options: UpstreamOptions,
    endpoint: Arc<Endpoint>,
    client: reqwest::Client,
}

impl Upstream {
    /// Reaches for nothing yet: a provider that is not there shows when it is asked.
    ///
    /// # Errors
    /// [`StageError::Failed`] when a header cannot be one, or the system has no TLS to offer.
    pub fn new(options: UpstreamOptions) -> Result<Self, StageError> {
        let name = &options.name;
        let endpoint = Endpoint::new(&options).ok_or_else(|| {
            let message =
                format!("a header or the key of the upstream `{name}` holds what none can");
            StageError::Failed(message)
        })?;
        let client = transport::connections(&options)
            .map_err(|error| StageError::failed(format!("no HTTP client: {error}")))?;
        Ok(Self {
            endpoint: Arc::new(endpoint),
            client,
            options,
        })
    }

    /// Where it is and how it is asked.
    pub fn options(&self) -> &UpstreamOptions {
        &self.options
    }

    /// Asks, again where that may help, until the answer has begun; the rest comes as it is made.
    ///
    /// # Errors
    /// Why it has not begun.
    pub(super) async fn answer(
        &self,
        request: &UpstreamRequest,
        call: &Call,
    ) -> Result<Answer, StageError> {
        let mut tried = 0;
        let (first, reading) = loop {
            let trouble = match self.try_once(request).await {
                Ok(begun) => break begun,
                Err(trouble) => trouble,
            };
            tried += 1;
            let left = call.deadline();
            let left = left.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let Some(pause) = pause(&trouble, tried, self.options.max_retries, left) else {
                return Err(trouble.into());
            };
            tracing::debug!(upstream = self.options.name, %trouble, ?pause, "asking again");
            tokio::time::sleep(pause).await;
        };
        Ok(answer(first, reading, Spent::new(call, 0)))
    }

    async fn try_once(&self, request: &UpstreamRequest) -> Result<(Said, Reading), Trouble> {
        let note = Note::default();
        let opened = self.open(request, &note).await;
        let frames = opened.map_err(|_| {
            note.take().unwrap_or_else(|| {
                let name = &self.options.name;
                Trouble::Failed(format!(
                    "the request to the upstream `{name}` cannot be written"
                ))
            })
        })?;
        let mut reading = Reading::new(self.options.clone(), frames, note);
        let first = reading.next().await?;
        Ok((first, reading))
    }

    async fn open(
        &self,
        request: &UpstreamRequest,
        note: &Note,
    ) -> Result<Frames, async_openai::error::OpenAIError> {
        let (client, options, note) = (self.client.clone(), self.options.clone(), note.clone());
        let transport = service_fn(move |factory| {
            let (client, options, note) = (client.clone(), options.clone(), note.clone());
            async move { transport::send(client, &options, factory, note).await }
        });
        // The API's own client would ask again by rules of its own.
        let api = ApiClient::build(
            self.client.clone(),
            Arc::clone(&self.endpoint) as Arc<dyn Config>,
        )
        .with_http_service(transport);
        match &request.input {
            Input::Messages(_) => api.chat().create_stream_byot(request).await,
            Input::Prompt(_) => api.completions().create_stream_byot(request).await,
        }
    }
}

/// The events of an answer that has begun with `first`.
fn answer(first: Said, reading: Reading, spent: Spent) -> Answer {
    let state = Some((Some(first), reading, spent));
    Answer::new(unfold(state, |state| async move {
        let (first, mut reading, mut spent) = state?;
        let said = match first {
            Some(said) => Ok(said),
            None => reading.next().await,
        };
        match said {
            Ok(Said::Text(text)) => {
                // As many providers send it: a token a frame.
                spent.saw(1);
                Some((Ok(AnswerEvent::Text(text)), Some((None, reading, spent))))
            }
            Ok(Said::Finished(completion, tokens)) => {
                if let Some(tokens) = tokens {
                    spent.settle(tokens);
                }
                Some((Ok(AnswerEvent::Finished(completion)), None))
            }
            Err(trouble) => Some((Err(trouble.into()), None)),
        }
    }))
}

/// What the API's client asks of a configuration.
struct Endpoint {
    base_url: String,
    headers: HeaderMap,
    /// Unused: the key stands among the headers.
    no_key: SecretString,
}

impl Endpoint {
    fn new(options: &UpstreamOptions) -> Option<Self> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.api_key {
            headers.insert(
                AUTHORIZATION,
                sensitive(&format!("Bearer {}", key.expose()))?,
            );
        }
        for (name, value) in &options.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.insert(name, sensitive(value.expose())?);
        }
        Some(Self {
            base_url: options.base_url.clone(),
            headers,
            no_key: SecretString::from(String::new()),
        })
    }
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.no_key
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upstream").field(&self.options).finish()
    }
}
