//! Log-probabilities in the three shapes of the wire: chat's, classic completions', and vLLM's for
//! prompts.

use std::fmt::Write;

use llm_apps::stage::generate::TextToken;
use serde::{Serialize, Serializer};

/// What OpenAI says for "so unlikely that there is no number".
const FLOOR: f32 = -9999.0;

/// `logprobs` of a chat choice.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ChatLogprobs {
    content: Vec<ChatToken>,
    refusal: Option<()>,
}

/// One token of it.
#[derive(Debug, Serialize)]
pub(crate) struct ChatToken {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
    top_logprobs: Vec<TopToken>,
}

#[derive(Debug, Serialize)]
struct TopToken {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
}

/// `logprobs` of a completion choice: four lists of equal length.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ClassicLogprobs {
    text_offset: Vec<usize>,
    token_logprobs: Vec<Option<f32>>,
    tokens: Vec<String>,
    top_logprobs: Vec<Option<Pairs<f32>>>,
}

/// What is known of a token of the prompt, for it and for the likeliest in its place.
pub(crate) type PromptLogprobs = Vec<Option<Pairs<PromptToken>>>;

/// One of these tokens.
#[derive(Debug, Serialize)]
pub(crate) struct PromptToken {
    logprob: f32,
    rank: u32,
    decoded_token: String,
}

/// A JSON object in this order. Of entries with the same name the first stands.
#[derive(Debug)]
pub(crate) struct Pairs<T>(Vec<(String, T)>);

impl<T> FromIterator<(String, T)> for Pairs<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(pairs: I) -> Self {
        pairs.into_iter().fold(Self(Vec::new()), |mut known, pair| {
            if known.0.iter().all(|(name, _)| *name != pair.0) {
                known.0.push(pair);
            }
            known
        })
    }
}

impl<T: Serialize> Serialize for Pairs<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl ChatLogprobs {
    /// The tokens, each with its log-probability.
    pub(crate) fn into_tokens(self) -> Vec<ChatToken> {
        self.content
    }

    /// Appends tokens; those without a log-probability are left out.
    pub(crate) fn extend(&mut self, tokens: &[TextToken]) {
        for token in tokens {
            let Some(scored) = &token.logprobs else {
                continue;
            };
            let top = scored.top.iter().map(|top| TopToken {
                token: lossy(&top.bytes),
                logprob: top.logprob.max(FLOOR),
                bytes: top.bytes.clone(),
            });
            self.content.push(ChatToken {
                token: lossy(&token.bytes),
                logprob: scored.logprob.max(FLOOR),
                bytes: token.bytes.clone(),
                top_logprobs: top.collect(),
            });
        }
    }
}

impl ClassicLogprobs {
    /// Appends tokens.
    pub(crate) fn extend(&mut self, tokens: &[TextToken]) {
        for token in tokens {
            self.text_offset.push(token.offset);
            self.tokens.push(named(&token.bytes));
            // Nothing predicts the first token of a prompt.
            let scored = token.logprobs.as_ref();
            self.token_logprobs
                .push(scored.map(|s| s.logprob.max(FLOOR)));
            self.top_logprobs.push(scored.map(|s| {
                let own = (named(&token.bytes), s.logprob.max(FLOOR));
                let top = s
                    .top
                    .iter()
                    .map(|t| (named(&t.bytes), t.logprob.max(FLOOR)));
                // The token itself is always in, as in OpenAI's API.
                top.chain(std::iter::once(own)).collect()
            }));
        }
    }
}

/// `prompt_logprobs`: for each token of the prompt a map from token ids to what is known of them.
pub(crate) fn prompt_logprobs(tokens: &[TextToken]) -> PromptLogprobs {
    let entry = |token: &TextToken| {
        let scored = token.logprobs.as_ref()?;
        let one = |bytes: &[u8], logprob: f32, rank: u32| PromptToken {
            logprob: logprob.max(FLOOR),
            rank,
            decoded_token: lossy(bytes),
        };
        let own = (
            token.id.to_string(),
            one(&token.bytes, scored.logprob, scored.rank),
        );
        let top = (1..).zip(&scored.top);
        let top = top.map(|(rank, t)| (t.id.to_string(), one(&t.bytes, t.logprob, rank)));
        Some(top.chain(std::iter::once(own)).collect())
    };
    tokens.iter().map(entry).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A token's name in a map, where two halves of a character must not fall together: OpenAI's
/// notation for bytes that are no text.
fn named(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("bytes:".to_owned(), |mut name, byte| {
            // Writing to a string cannot fail.
            write!(name, "\\x{byte:02x}").ok();
            name
        }),
    }
}
