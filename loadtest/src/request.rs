//! The requests that are sent. Each is a function of the options and its number, so that two servers
//! are asked the same.

use serde_json::{Value, json};

use crate::cli::{Api, BenchOptions};

/// Ids that every vocabulary of a language model has, and that are no special tokens.
const FIRST_ID: u32 = 300;
const IDS: u32 = 20_000;

/// The path and the body of request number `number`.
pub(crate) fn build(options: &BenchOptions, model: &str, number: u32) -> (&'static str, Value) {
    let numbers = (0..options.prompt_tokens).map(|i| mix(options.seed, number, i));
    let mut body = json!({
        "model": model,
        "max_tokens": options.max_tokens,
        "temperature": 0,
        "ignore_eos": true,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    match options.api {
        Api::Completions => {
            let ids: Vec<u32> = numbers.map(|n| FIRST_ID + n % IDS).collect();
            body["prompt"] = json!(ids);
            ("/v1/completions", body)
        }
        Api::Chat => {
            let words: Vec<&str> = numbers.map(|n| WORDS[n as usize % WORDS.len()]).collect();
            body["messages"] = json!([{"role": "user", "content": words.join(" ")}]);
            ("/v1/chat/completions", body)
        }
    }
}

/// Short words, one token each in most vocabularies.
const WORDS: [&str; 32] = [
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world",
    "school", "state", "family", "student", "group", "country", "problem", "hand", "part", "place",
    "case", "week", "company", "system", "program", "question", "work", "number", "night", "point",
    "home",
];

/// Mixes the three as the finaliser of MurmurHash3 does.
fn mix(seed: u32, number: u32, place: u32) -> u32 {
    [seed, number, place]
        .into_iter()
        .fold(0x9e37_79b9, |hash: u32, value| {
            let hash = (hash ^ value).wrapping_mul(0x85eb_ca6b);
            let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
            hash ^ (hash >> 16)
        })
}
