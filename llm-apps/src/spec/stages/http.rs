//! `http`: a call of any service.
//!
//! ```yaml
//! http:
//!   url: "https://example.org/tickets/{{ label }}"   # scheme, host and port are fixed
//!   method: POST                                     # default: POST with a body, else GET
//!   headers: {Authorization: "Bearer ${TOKEN}"}      # values are templates
//!   json: {text: "{{ question }}", found: "{{ passages }}"}   # its texts are templates; or `body: TEMPLATE`
//!   response: /data/0                                # a JSON pointer; default all of it; or `text`
//!   output: response                                 # the variable that is written
//!   timeout_s: 30                                    # for one try
//!   max_response_bytes: 1MiB
//!   retries: 2                                       # GET, PUT and DELETE only
//! ```

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::time::Duration;

use super::common::variable;
use crate::spec::fault::Faults;
use crate::spec::json;
use crate::spec::node::{Node, Value};
use crate::spec::read;
use crate::spec::section::Section;
use crate::spec::size::ByteSize;
use crate::stage::http::{HttpBody, HttpMethod, HttpResponse, HttpStageOptions};
use crate::template::{PromptTemplate, UrlTemplate};

const RETRIES: u32 = 2;
const MAX_RETRIES: u32 = 10;
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_RESPONSE: usize = 1 << 20;

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Option<HttpStageOptions> {
    let before = faults.list.len();
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let url = keys.require("url", "url: https://example.org/", f, |node| {
        let text = read::text(node).map_err(|_| "an address".to_owned())?;
        UrlTemplate::new(&text).map_err(|error| format!("an address that can be used ({error})"))
    });
    let body = body(&mut keys, f);
    let method = keys.take("method", f, method);
    let usual = if body.is_some() {
        HttpMethod::Post
    } else {
        HttpMethod::Get
    };
    let method = method.unwrap_or(usual);
    let retries = keys.take("retries", f, read::integer(0..=MAX_RETRIES));
    if let (Some(1..), false, Some(node)) = (retries, method.is_idempotent(), keys.node("retries"))
    {
        let path = keys.path("retries");
        let message =
            format!("`{path}`: a second POST or PATCH may do its work twice; leave it out");
        f.note(node.at, message);
    }
    let headers = keys.node("headers");
    let headers = headers.map(|node| self::headers(&keys.path("headers"), node, f));
    let response = keys.take("response", f, response);
    let output = keys.take("output", f, variable);
    let timeout = keys.take("timeout_s", f, read::seconds(0.001..=86_400.0));
    let max_response_bytes = keys.take("max_response_bytes", f, read::size(ByteSize(1)));
    keys.finish(f);
    let options = HttpStageOptions {
        url: url?,
        headers: headers.unwrap_or_default(),
        response: response.unwrap_or_else(|| HttpResponse::Json(String::new())),
        output: output.unwrap_or_else(|| "response".to_owned()),
        timeout: timeout.unwrap_or(TIMEOUT),
        max_response_bytes: max_response_bytes.unwrap_or(MAX_RESPONSE),
        retries: retries.unwrap_or_else(|| if method.is_idempotent() { RETRIES } else { 0 }),
        method,
        body,
    };
    (f.list.len() == before).then_some(options)
}

/// `json` or `body`.
fn body(keys: &mut Section<'_>, f: &mut Faults) -> Option<HttpBody> {
    let json_node = keys.node("json");
    let text = keys.take("body", f, |node| {
        let text = read::text(node).map_err(|_| "a template".to_owned())?;
        PromptTemplate::new("body", &text).map_err(|error| format!("a template ({error})"))
    });
    let Some(node) = json_node else {
        return text.map(HttpBody::Text);
    };
    if let (Some(_), Some(node)) = (text, keys.node("body")) {
        let path = keys.path("body");
        f.note(
            node.at,
            format!("`{path}` and `json` exclude each other; leave one out"),
        );
    }
    let value = json::read(node, f)?;
    match HttpBody::json("json", &value) {
        Ok(body) => Some(body),
        Err(error) => {
            f.note(node.at, format!("`{}`: {error}", keys.path("json")));
            None
        }
    }
}

fn headers(path: &str, node: &Node, f: &mut Faults) -> Vec<(String, PromptTemplate)> {
    let Value::Map(map) = &node.value else {
        let message = format!(
            "`{path}` must hold names and values, but is {}",
            node.shown()
        );
        f.note(node.at, message);
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (key, value) in map {
        let name = match &key.value {
            Value::Text(name) if is_token(name) => name,
            _ => {
                let message = format!("`{path}`: {} is no name of a header", key.shown());
                f.note(key.at, message);
                continue;
            }
        };
        let template = read::text(value)
            .ok()
            .map(|text| PromptTemplate::new(name, &text));
        match template {
            Some(Ok(template)) => headers.push((name.clone(), template)),
            Some(Err(error)) => f.note(value.at, format!("`{path}.{name}`: {error}")),
            None => {
                let message = format!("`{path}.{name}` must be a text, but is {}", value.shown());
                f.note(value.at, message);
            }
        }
    }
    headers
}

/// A name as HTTP has them (RFC 9110, 5.6.2).
fn is_token(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(fits)
}

fn method(node: &Node) -> Result<HttpMethod, read::Expected> {
    let expected = || "GET, PUT, POST, PATCH or DELETE".to_owned();
    match read::text(node).map_err(|_| expected())?.as_str() {
        "GET" => Ok(HttpMethod::Get),
        "PUT" => Ok(HttpMethod::Put),
        "POST" => Ok(HttpMethod::Post),
        "PATCH" => Ok(HttpMethod::Patch),
        "DELETE" => Ok(HttpMethod::Delete),
        _ => Err(expected()),
    }
}

fn response(node: &Node) -> Result<HttpResponse, read::Expected> {
    let expected = || "text, json, or a JSON pointer such as /data/0".to_owned();
    match read::text(node).map_err(|_| expected())?.as_str() {
        "text" => Ok(HttpResponse::Text),
        "json" => Ok(HttpResponse::Json(String::new())),
        pointer if pointer.starts_with('/') => Ok(HttpResponse::Json(pointer.to_owned())),
        _ => Err(expected()),
    }
}
