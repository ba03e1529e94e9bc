//! The requests that are sent. Each is a function of the seed and its number, so that two servers
//! are asked the same.

use serde_json::{Value, json};

use crate::cli::Api;

/// What goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The endpoint's path.
    pub(crate) path: &'static str,
    /// The body.
    pub(crate) body: Value,
}

/// How long prompts and answers are, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Tokens at the beginning of each prompt that all prompts of a measurement share.
    pub(crate) shared: u32,
    /// Tokens that follow and are this prompt's own.
    pub(crate) own: u32,
    /// Tokens of the answer; the end-of-sequence token is ignored.
    pub(crate) output: u32,
}

impl Shape {
    /// Tokens of a prompt.
    pub(crate) const fn prompt(self) -> u32 {
        self.shared + self.own
    }

    /// Tokens of a prompt and its answer.
    pub(crate) const fn total(self) -> u32 {
        self.prompt() + self.output
    }
}

/// Who writes the requests.
#[derive(Debug, Clone)]
pub(crate) struct Prompts {
    /// The model's name.
    pub(crate) model: String,
    /// Which endpoint is asked.
    pub(crate) api: Api,
    /// Other seeds give other prompts.
    pub(crate) seed: u32,
}

impl Prompts {
    /// Request number `number` of measurement `measurement`. No two begin alike, but for the part that
    /// a measurement shares.
    pub(crate) fn write(&self, shape: Shape, measurement: u32, number: u32) -> Request {
        let place = |shared: bool, count: u32| {
            let whose = if shared { SHARED } else { number };
            (0..count).map(move |place| mix([self.seed, measurement, whose, place]))
        };
        let numbers = place(true, shape.shared).chain(place(false, shape.own));
        let mut body = json!({
            "model": self.model,
            "max_tokens": shape.output,
            "temperature": 0,
            "ignore_eos": true,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        let path = match self.api {
            Api::Completions => {
                let ids: Vec<u32> = numbers.map(|n| FIRST_ID + n % IDS).collect();
                body["prompt"] = json!(ids);
                "/v1/completions"
            }
            Api::Chat => {
                let words: Vec<&str> = numbers.map(|n| WORDS[n as usize % WORDS.len()]).collect();
                body["messages"] = json!([{"role": "user", "content": words.join(" ")}]);
                "/v1/chat/completions"
            }
        };
        Request { path, body }
    }
}

/// Ids that every vocabulary of a language model has, and that are no special tokens.
const FIRST_ID: u32 = 300;
const IDS: u32 = 20_000;

/// The number of the request that does not exist and whose prompt is the shared part.
const SHARED: u32 = u32::MAX;

/// Short words, one token each in most vocabularies.
const WORDS: [&str; 32] = [
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world",
    "school", "state", "family", "student", "group", "country", "problem", "hand", "part", "place",
    "case", "week", "company", "system", "program", "question", "work", "number", "night", "point",
    "home",
];

/// Mixes the numbers as the finaliser of MurmurHash3 does.
fn mix(numbers: [u32; 4]) -> u32 {
    numbers.into_iter().fold(0x9e37_79b9, |hash: u32, value| {
        let hash = (hash ^ value).wrapping_mul(0x85eb_ca6b);
        let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        shared: 20,
        own: 12,
        output: 5,
    };

    fn ids(prompts: &Prompts, measurement: u32, number: u32) -> Vec<u64> {
        let request = prompts.write(SHAPE, measurement, number);
        let ids = request.body["prompt"].as_array().unwrap();
        ids.iter().map(|id| id.as_u64().unwrap()).collect()
    }

    #[test]
    fn prompts_share_what_they_should_and_nothing_else() {
        let mut prompts = Prompts {
            model: "m".to_owned(),
            api: Api::Completions,
            seed: 1,
        };
        let (a, b) = (ids(&prompts, 0, 0), ids(&prompts, 0, 1));
        assert_eq!(a.len(), 32);
        assert_eq!(a, ids(&prompts, 0, 0), "two servers are asked the same");
        assert_eq!(a[..20], b[..20]);
        assert_ne!(a[20], b[20]);
        let next = ids(&prompts, 1, 0);
        assert_ne!(a[0], next[0], "each measurement has a prefix of its own");
        assert_ne!(a[20], next[20]);
        prompts.seed = 2;
        assert_ne!(a[0], ids(&prompts, 0, 0)[0]);
        assert!(a.iter().all(|id| (300..20_300).contains(id)));
    }

    #[test]
    fn a_chat_has_about_as_many_words_as_tokens_are_wanted() {
        let prompts = Prompts {
            model: "m".to_owned(),
            api: Api::Chat,
            seed: 1,
        };
        let request = prompts.write(SHAPE, 0, 0);
        let content = request.body["messages"][0]["content"].as_str().unwrap();
        assert_eq!(content.split(' ').count(), 32);
        assert_eq!(
            (request.path, &request.body["max_tokens"]),
            ("/v1/chat/completions", &json!(5))
        );
    }
}
