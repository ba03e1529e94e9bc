//! Where a provider is, and how it is asked.

use std::time::Duration;

use super::secret::Secret;

/// A provider's model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamOptions {
    /// The name by which stages mean it, and errors too.
    pub name: String,
    /// What stands before `/chat/completions`, such as `https://api.example/v1`, without a slash at its
    /// end.
    pub base_url: String,
    /// Sent as `Authorization: Bearer`. Default: no such header.
    pub api_key: Option<Secret>,
    /// What the provider calls the model. Default: `name`.
    pub model: String,
    /// How long the provider may be silent: before its answer, and within it. Default: 60 s.
    pub timeout: Duration,
    /// Further tries before the first piece of an answer, after a failure that may pass. Default: 2.
    pub max_retries: u32,
    /// Bytes of one answer with its frames at most. Default: 64 MiB.
    pub max_response_bytes: usize,
    /// Further headers. They are as secret as the key.
    pub headers: Vec<(String, Secret)>,
    /// The field that bounds an answer's length.
    pub max_tokens_field: MaxTokensField,
}

/// OpenAI's API has two names for it, and there are providers that know only one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MaxTokensField {
    /// `max_tokens`, which nearly all know. The default.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's reasoning models want.
    MaxCompletionTokens,
}

impl UpstreamOptions {
    /// A provider asked for nothing special.
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            base_url: base_url.into(),
            api_key: None,
            model: name.clone(),
            name,
            timeout: Duration::from_secs(60),
            max_retries: 2,
            max_response_bytes: 64 << 20,
            headers: Vec::new(),
            max_tokens_field: MaxTokensField::default(),
        }
    }

    /// What a provider said, for a client or a log: short, and without what it must not repeat.
    pub(super) fn cite(&self, said: &str) -> String {
        /// Characters that are cited at most.
        const SHOWN: usize = 300;
        let mut said = said.trim().to_owned();
        let headers = self.headers.iter().map(|(_, value)| value);
        for secret in self.api_key.iter().chain(headers) {
            let secret = secret.expose();
            if !secret.is_empty() {
                said = said.replace(secret, "***");
            }
        }
        said.chars().take(SHOWN).collect()
    }
}
