//! `Server-Timing`: what the stages of an application took.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use llm_apps::stage::Call;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Says what the stages took until now, in milliseconds: `retrieve;dur=1.20, answer;dur=35.00`.
pub(crate) fn with_server_timing(mut response: Response, call: &Call) -> Response {
    let timings = call.timings();
    let entries = timings.iter().map(|timing| {
        let millis = (timing.queued + timing.ran).as_secs_f64() * 1e3;
        format!("{};dur={millis:.2}", timing.stage)
    });
    let text = entries.collect::<Vec<_>>().join(", ");
    if !timings.is_empty()
        && let Ok(value) = HeaderValue::from_str(&text)
    {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
    response
}
