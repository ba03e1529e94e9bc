//! A server as its clients see it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the client's other errors are said as they are"
)]

use anyhow::{Context, Result, anyhow, bail};
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionResponseStream, CreateChatCompletionRequestArgs,
};

/// A client of one server.
pub(in crate::cli) struct Client {
    base: String,
    api: async_openai::Client<OpenAIConfig>,
}

impl Client {
    /// A client of the server at `url`; `/v1` is added where there is no path.
    pub(in crate::cli) fn new(url: &str, api_key: Option<&str>) -> Result<Self> {
        let base = base(url)?;
        let config = OpenAIConfig::new()
            .with_api_base(&base)
            .with_api_key(api_key.unwrap_or("none"));
        Ok(Self {
            base,
            api: async_openai::Client::with_config(config),
        })
    }

    /// Ids of the models that the server serves.
    pub(in crate::cli) async fn models(&self) -> Result<Vec<String>> {
        let list = self.api.models().list().await.map_err(|e| self.error(e))?;
        Ok(list.data.into_iter().map(|model| model.id).collect())
    }

    /// The answer to a conversation, as it comes.
    pub(super) async fn answer(
        &self,
        model: &str,
        messages: &[ChatCompletionRequestMessage],
    ) -> Result<ChatCompletionResponseStream> {
        let request = CreateChatCompletionRequestArgs::default()
            .model(model)
            .messages(messages)
            .stream(true)
            .build()?;
        let stream = self.api.chat().create_stream(request).await;
        stream.map_err(|error| self.error(error))
    }

    /// An error with what to do about it.
    pub(super) fn error(&self, error: OpenAIError) -> anyhow::Error {
        match error {
            OpenAIError::ApiError(error) => anyhow!("the server says: {error}"),
            OpenAIError::Reqwest(error) if error.is_connect() => {
                anyhow::Error::new(error).context(format!(
                    "no server answers at {}; start one with `penstock run`, or give its --url",
                    self.base
                ))
            }
            other => anyhow::Error::new(other).context(format!("talking to {} failed", self.base)),
        }
    }
}

fn base(url: &str) -> Result<String> {
    let url = url.trim_end_matches('/');
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .with_context(|| format!("`{url}` is no URL; write for example http://127.0.0.1:8000"))?;
    if rest.is_empty() || rest.contains(char::is_whitespace) {
        bail!("`{url}` is no URL; write for example http://127.0.0.1:8000");
    }
    Ok(if rest.contains('/') {
        url.to_owned()
    } else {
        format!("{url}/v1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_where_there_is_none() {
        let cases = [
            ("http://127.0.0.1:8000", Some("http://127.0.0.1:8000/v1")),
            ("https://example.org/", Some("https://example.org/v1")),
            (
                "https://example.org/llm/v1",
                Some("https://example.org/llm/v1"),
            ),
            ("127.0.0.1:8000", None),
            ("http://", None),
        ];
        for (url, expected) in cases {
            assert_eq!(base(url).ok().as_deref(), expected, "{url}");
        }
    }
}
