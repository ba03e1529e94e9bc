//! An address of which parts come from variables, and the server does not.

use std::fmt::Write;

use reqwest::Url;
use serde_json::{Map, Value};
use thiserror::Error;

use super::prompt::{PromptTemplate, PromptTemplateError};

/// Such as `https://example.org/tickets/{{ label }}?q={{ question }}`. Whatever a variable holds is
/// written so that it stays within its part of the path or the query; scheme, host and port are fixed.
#[derive(Debug, Clone, PartialEq)]
pub struct UrlTemplate {
    /// Scheme, host and port, and a path that leads nowhere.
    base: Url,
    template: PromptTemplate,
}

/// Why an address cannot be used, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlTemplateError {
    /// It does not begin with a fixed `http` or `https` server.
    #[error("`{0}` must begin with http:// or https://, a host and a slash, without variables")]
    Server(String),
    /// It is no template, or cannot be rendered.
    #[error(transparent)]
    Template(#[from] PromptTemplateError),
    /// What came out is no address, or one of another server.
    #[error("`{0}` is no address below its server")]
    Elsewhere(String),
}

impl UrlTemplate {
    /// Compiles an address.
    ///
    /// # Errors
    /// [`UrlTemplateError`] when it is none, or its server is not fixed.
    pub fn new(text: &str) -> Result<Self, UrlTemplateError> {
        let fixed = text.find("{{").into_iter().chain(text.find("{%")).min();
        let fixed = &text[..fixed.unwrap_or(text.len())];
        let server = || UrlTemplateError::Server(text.to_owned());
        let (_, rest) = fixed.split_once("://").ok_or_else(server)?;
        // Without a slash a variable could go on with the host.
        if fixed.len() < text.len() && !rest.contains(['/', '?']) {
            return Err(server());
        }
        let base = Url::parse(fixed).map_err(|_| server())?;
        let plain = matches!(base.scheme(), "http" | "https") && base.has_host();
        if !plain || !base.username().is_empty() || base.password().is_some() {
            return Err(server());
        }
        let template = PromptTemplate::compile(text, text, |environment| {
            environment.set_formatter(|out, _, value| {
                let text = value.to_string();
                for byte in text.bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        out.write_char(char::from(byte))?;
                    } else {
                        write!(out, "%{byte:02X}")?;
                    }
                }
                Ok(())
            });
        })?;
        Ok(Self { base, template })
    }

    /// The variables that it reads.
    pub fn template(&self) -> &PromptTemplate {
        &self.template
    }

    /// Scheme, host and port, as errors name them.
    pub fn server(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The address with these variables.
    ///
    /// # Errors
    /// [`UrlTemplateError`] when a variable is missing, or nothing that is an address comes out.
    pub fn render(&self, variables: &Map<String, Value>) -> Result<Url, UrlTemplateError> {
        let text = self.template.render(variables)?;
        let url = Url::parse(&text)
            .ok()
            .filter(|url| url.origin() == self.base.origin());
        match url {
            Some(url) if !climbs(&text) => Ok(url),
            _ => Err(UrlTemplateError::Elsewhere(text)),
        }
    }
}

/// Whether a part of the path is one or two dots, which would leave out the part before it.
fn climbs(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.split('/').any(|part| {
        let part = part.replace("%2E", ".").replace("%2e", ".");
        part == "." || part == ".."
    })
}
