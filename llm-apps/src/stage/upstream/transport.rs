//! Between the API's client and the socket: what an answer's head says, and how long the answer gets.

use std::io;
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Response};

use super::chunk::{ErrorBody, ErrorObject};
use super::options::UpstreamOptions;
use super::trouble::{Note, Trouble};

/// Longest that a connection may take to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an error's body that are read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// Connections to one provider.
///
/// # Errors
/// When the system has no TLS to offer.
pub(super) fn connections(options: &UpstreamOptions) -> Result<Client, reqwest::Error> {
    Client::builder()
        // A key must not follow a redirect, nor go through somebody's proxy.
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(options.timeout.min(CONNECT_TIMEOUT))
        .read_timeout(options.timeout)
        .build()
}

/// Sends one request and looks at the head of its answer. Whatever goes wrong then or later is in `note`.
pub(super) async fn send(
    client: Client,
    options: &UpstreamOptions,
    factory: HttpRequestFactory,
    note: Note,
) -> Result<Response, OpenAIError> {
    let request = factory.build().await?;
    let outcome = match client.execute(request).await {
        Err(error) => Err(broken(options, &error)),
        Ok(response) if !response.status().is_success() => Err(refused(options, response).await),
        Ok(response) if !is_event_stream(&response) => {
            let message = format!("the upstream `{}` answered no event stream", options.name);
            Err(Trouble::Failed(message))
        }
        Ok(response) => Ok(response),
    };
    match outcome {
        Ok(response) => {
            let body = Body::wrap_stream(bounded(response, options.clone(), note));
            Ok(http::Response::new(body).into())
        }
        Err(trouble) => {
            let told = OpenAIError::InvalidArgument(trouble.to_string());
            note.write(trouble);
            Err(told)
        }
    }
}

/// The answer's body, up to its bound.
fn bounded(
    response: Response,
    options: UpstreamOptions,
    note: Note,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let mut left = options.max_response_bytes;
    response.bytes_stream().map(move |piece| {
        let trouble = match piece {
            Ok(piece) => match left.checked_sub(piece.len()) {
                Some(rest) => {
                    left = rest;
                    return Ok(piece);
                }
                None => Trouble::Failed(format!(
                    "the upstream `{}` answered more than {} bytes, its `max_response_bytes`",
                    options.name, options.max_response_bytes
                )),
            },
            Err(error) => broken(&options, &error),
        };
        let told = io::Error::other(trouble.to_string());
        note.write(trouble);
        Err(told)
    })
}

/// No connection, or it broke, or it was silent for too long.
fn broken(options: &UpstreamOptions, error: &reqwest::Error) -> Trouble {
    let name = &options.name;
    Trouble::passing(if error.is_timeout() {
        format!("the upstream `{name}` was silent for {:?}", options.timeout)
    } else if error.is_connect() {
        format!("the upstream `{name}` cannot be reached")
    } else {
        format!("the upstream `{name}` broke off its answer")
    })
}

/// What a status other than 2xx means.
async fn refused(options: &UpstreamOptions, response: Response) -> Trouble {
    let code = response.status().as_u16();
    let retry_after = retry_after(&response);
    let error = error_of(response).await;
    let name = &options.name;
    let said = options.cite(&error.message());
    let message = if said.is_empty() {
        format!("the upstream `{name}` answered {code}")
    } else {
        format!("the upstream `{name}` answered {code}: {said}")
    };
    match code {
        // What a provider says about a key may hold half of it.
        401 | 403 => Trouble::Failed(format!(
            "the upstream `{name}` does not accept the server's credentials ({code})"
        )),
        400 | 413 | 422 => Trouble::Invalid {
            message,
            param: error.param(),
        },
        429 if error.is(&["insufficient_quota"]) => Trouble::Exhausted(message),
        408 | 409 | 429 | 500.. => Trouble::Passing {
            message,
            retry_after,
        },
        _ => Trouble::Failed(message),
    }
}

async fn error_of(mut response: Response) -> ErrorObject {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        let room = MAX_ERROR_BYTES - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if body.len() == MAX_ERROR_BYTES {
            break;
        }
    }
    serde_json::from_slice(&body).map_or_else(
        |_| ErrorObject::Other(String::from_utf8_lossy(&body).into_owned().into()),
        |ErrorBody { error }| error,
    )
}

/// Seconds, as nearly all write it; a date is not heeded.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    Duration::try_from_secs_f64(value.trim().parse().ok()?).ok()
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
    })
}
