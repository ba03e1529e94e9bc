//! The stage.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, Response};
use serde_json::{Map, Value};

use super::options::{HttpMethod, HttpResponse, HttpStageOptions};
use crate::payload::Payload;
use crate::stage::{Call, Stage, StageError};

/// Asks a service.
#[derive(Debug)]
pub struct HttpStage {
    options: HttpStageOptions,
    client: Client,
}

/// Characters of an answer that an error cites.
const SHOWN: usize = 200;
/// Before the first further try; each one after it waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl HttpStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage with connections of its own.
    ///
    /// # Errors
    /// [`StageError::Failed`] when the system has no TLS to offer.
    pub fn new(options: HttpStageOptions) -> Result<Self, StageError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(options.timeout)
            .build()
            .map_err(|error| StageError::failed(format!("no HTTP client: {error}")))?;
        Ok(Self { options, client })
    }

    fn request(&self, variables: &Map<String, Value>) -> Result<Request, StageError> {
        let defect = |error: &dyn std::error::Error| StageError::failed(error.to_string());
        let url = self
            .options
            .url
            .render(variables)
            .map_err(|error| defect(&error))?;
        let mut request = Request::new(method(self.options.method), url);
        let mut headers = HeaderMap::new();
        if let Some(body) = &self.options.body {
            let (body, kind) = body.render(variables).map_err(|error| defect(&error))?;
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            *request.body_mut() = Some(body.into());
        }
        for (name, template) in &self.options.headers {
            let value = template.render(variables).map_err(|error| defect(&error))?;
            let unfit = |_| {
                StageError::failed(format!("the header `{name}` would hold what no header can"))
            };
            let value = HeaderValue::from_str(&value).map_err(unfit)?;
            let name = name.parse::<HeaderName>().map_err(|error| defect(&error))?;
            headers.insert(name, value);
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// One try.
    async fn ask(&self, request: Request) -> Result<Value, StageError> {
        let mut response = self
            .client
            .execute(request)
            .await
            .map_err(|error| self.broken(&error))?;
        let (code, good) = (response.status().as_u16(), response.status().is_success());
        if !good {
            let said = match self.read(&mut response, SHOWN * 4).await {
                Ok(body) | Err((body, _)) => {
                    let said = String::from_utf8_lossy(&body);
                    said.chars().take(SHOWN).collect::<String>()
                }
            };
            let message = format!("{} answered {code}: {said}", self.server());
            return Err(if code == 429 || code >= 500 {
                StageError::Unavailable(message)
            } else {
                StageError::Failed(message)
            });
        }
        let body = self
            .read(&mut response, self.options.max_response_bytes)
            .await;
        let body = body.map_err(|(_, error)| error)?;
        match &self.options.response {
            HttpResponse::Text => String::from_utf8(body).map(Value::String).map_err(|_| {
                StageError::failed(format!("{} answered what is no UTF-8", self.server()))
            }),
            HttpResponse::Json(pointer) => {
                let mut json: Value = serde_json::from_slice(&body).map_err(|error| {
                    StageError::failed(format!(
                        "{} answered what is no JSON: {error}",
                        self.server()
                    ))
                })?;
                json.pointer_mut(pointer).map(Value::take).ok_or_else(|| {
                    StageError::failed(format!("{} answered nothing at `{pointer}`", self.server()))
                })
            }
        }
    }

    /// The body, up to `most` bytes; what there is of a longer one comes with the error.
    async fn read(
        &self,
        response: &mut Response,
        most: usize,
    ) -> Result<Vec<u8>, (Vec<u8>, StageError)> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if chunk.len() > most - body.len() => {
                    body.extend_from_slice(&chunk[..most - body.len()]);
                    let message = format!("{} answered more than {most} bytes", self.server());
                    return Err((body, StageError::Failed(message)));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) => return Err((body, self.broken(&error))),
            }
        }
    }

    /// No connection, or it broke, or took too long. The address is left out, since a query may hold what
    /// is nobody's business.
    fn broken(&self, error: &reqwest::Error) -> StageError {
        let what = if error.is_timeout() {
            format!("did not answer within {:?}", self.options.timeout)
        } else if error.is_connect() {
            "cannot be reached".to_owned()
        } else {
            "broke off".to_owned()
        };
        StageError::Unavailable(format!("{} {what}", self.server()))
    }

    fn server(&self) -> String {
        self.options.url.server()
    }
}

impl Stage for HttpStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, _: &Call) -> Result<Payload, StageError> {
        let mut pause = FIRST_PAUSE;
        let mut tries_left = self.options.retries;
        let value = loop {
            match self.ask(self.request(payload.variables())?).await {
                Err(StageError::Unavailable(_)) if tries_left > 0 => {
                    tries_left -= 1;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => break other?,
            }
        };
        payload.set(&self.options.output, value);
        Ok(payload)
    }
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Post => Method::POST,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    }
}
