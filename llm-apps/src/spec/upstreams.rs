//! `upstreams`: models of other services, by name.
//!
//! ```yaml
//! upstreams:
//!   - name: gpt                              # what `generate.model` says
//!     base_url: "https://api.example/v1"     # what stands before /chat/completions
//!     api_key: ${API_KEY}                    # default: none is sent
//!     model: gpt-4o-mini                     # what the service calls it; default: `name`
//!     timeout_s: 60                          # how long it may be silent
//!     max_retries: 2                         # before the first piece of an answer
//!     max_response_bytes: 64MiB              # of one answer, with its frames
//!     max_tokens_field: max_tokens           # or max_completion_tokens
//!     headers: {X-Team: "${TEAM}"}           # beside `Authorization`
//! ```

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::collections::{BTreeSet, HashMap};

use reqwest::Url;

use super::encoders::unique_name;
use super::fault::Faults;
use super::node::{Node, Position, Value};
use super::places::Places;
use super::read;
use super::section::Section;
use super::size::ByteSize;
use crate::stage::upstream::{MaxTokensField, Secret, UpstreamOptions};

/// A model of another service.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamSpec {
    /// Where it is, and how it is asked.
    pub options: UpstreamOptions,
    /// Where all this stands in the file.
    pub places: Places,
}

impl UpstreamSpec {
    /// Reads the whole list, and says all names, also of what is faulty. Names are unique, and none is
    /// one of `models`.
    pub(super) fn read_all(
        list: &[Node],
        models: &BTreeSet<String>,
        faults: &mut Faults,
    ) -> (Vec<Self>, BTreeSet<String>) {
        let mut taken = HashMap::new();
        let specs = list.iter().enumerate().filter_map(|(index, node)| {
            let path = format!("upstreams[{index}]");
            Self::read(&path, node, models, &mut taken, faults)
        });
        let specs = specs.collect();
        (specs, taken.into_keys().collect())
    }

    fn read(
        path: &str,
        node: &Node,
        models: &BTreeSet<String>,
        taken: &mut HashMap<String, Position>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let before = faults.list.len();
        let mut keys = Section::open(path, node, faults);
        let f = faults;
        let name = unique_name(&mut keys, "name: gpt", taken, f);
        if let (Some(name), Some(node)) = (&name, keys.node("name"))
            && models.contains(name)
        {
            let path = keys.path("name");
            let message = format!("`{path}`: a model is called `{name}` too; stages name either");
            f.note(node.at, message);
        }
        let base_url = keys.require("base_url", "base_url: https://api.example/v1", f, base_url);
        let api_key_path = keys.path("api_key");
        let api_key = keys.node("api_key");
        let api_key = api_key.and_then(|node| secret(&api_key_path, node, f));
        let model = keys.take("model", f, read::text);
        let timeout = keys.take("timeout_s", f, read::seconds(0.001..=86_400.0));
        let max_retries = keys.take("max_retries", f, read::integer(0..=10_u32));
        let max_bytes = keys.take("max_response_bytes", f, read::size(ByteSize(1 << 10)));
        let max_tokens_field = keys.take("max_tokens_field", f, max_tokens_field);
        let headers = keys.node("headers");
        let headers = headers.map(|node| self::headers(&keys.path("headers"), node, f));
        keys.finish(f);
        let default = UpstreamOptions::new(name?, base_url?);
        let options = UpstreamOptions {
            api_key,
            model: model.unwrap_or_else(|| default.model.clone()),
            timeout: timeout.unwrap_or(default.timeout),
            max_retries: max_retries.unwrap_or(default.max_retries),
            max_response_bytes: max_bytes.unwrap_or(default.max_response_bytes),
            max_tokens_field: max_tokens_field.unwrap_or_default(),
            headers: headers.unwrap_or_default(),
            ..default
        };
        let places = Places::of(&f.file, path, node);
        (f.list.len() == before).then_some(Self { options, places })
    }
}

fn base_url(node: &Node) -> Result<String, read::Expected> {
    let expected = "an address such as https://api.example/v1: what stands before /chat/completions, \
                    without a user, a query or a fragment";
    let text = read::text(node).map_err(|_| expected.to_owned())?;
    let url = Url::parse(&text).map_err(|_| expected.to_owned())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(expected.to_owned())
    }
}

/// A text that can stand in a header. A fault does not show it.
fn secret(path: &str, node: &Node, f: &mut Faults) -> Option<Secret> {
    if node.value == Value::Faulty {
        return None;
    }
    let fits = |text: &String| {
        text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.trim().len() == text.len()
    };
    let text = read::text(node).ok().filter(fits);
    if text.is_none() {
        let expected = "a text (in quotes where it looks like a number) of visible ASCII characters, \
                        without spaces around it";
        f.note(node.at, format!("`{path}` must be {expected}"));
    }
    text.map(Secret::new)
}

fn max_tokens_field(node: &Node) -> Result<MaxTokensField, read::Expected> {
    match read::text(node).as_deref() {
        Ok("max_tokens") => Ok(MaxTokensField::MaxTokens),
        Ok("max_completion_tokens") => Ok(MaxTokensField::MaxCompletionTokens),
        _ => Err("max_tokens or max_completion_tokens".to_owned()),
    }
}

/// Headers that the request itself has.
const OURS: &[&str] = &[
    "content-type",
    "content-length",
    "host",
    "transfer-encoding",
];

fn headers(path: &str, node: &Node, f: &mut Faults) -> Vec<(String, Secret)> {
    let Value::Map(map) = &node.value else {
        let found = node.shown();
        f.note(
            node.at,
            format!("`{path}` must hold names and values, but is {found}"),
        );
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (key, value) in map {
        let name = match &key.value {
            Value::Text(name) if is_free(name) => name,
            _ => {
                let message = format!("`{path}`: {} is no name of a further header", key.shown());
                f.note(key.at, message);
                continue;
            }
        };
        if let Some(secret) = secret(&format!("{path}.{name}"), value, f) {
            headers.push((name.clone(), secret));
        }
    }
    headers
}

/// A name as HTTP has them (RFC 9110, 5.6.2) that the request does not use itself.
fn is_free(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty()
        && name.bytes().all(fits)
        && !OURS.contains(&name.to_ascii_lowercase().as_str())
}
