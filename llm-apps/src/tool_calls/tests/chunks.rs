//! However an answer is cut into pieces, it means the same.

use proptest::prelude::*;
use serde_json::Value;

use super::parsed::{told, tools};
use crate::tool_calls::{ToolChoice, ToolFormat};

/// What answers are made of: whole calls, parts of calls, and text.
const PARTS: [&str; 30] = [
    "<tool_call>",
    "</tool_call>",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "[ARGS]",
    "{\"name\": \"weather\", \"arguments\": {\"city\": \"Pa\u{301}ris\"}}",
    "{\"name\": \"time\", \"parameters\": {}}",
    "{\"arguments\": {\"a\": [1, \"}\"]}, \"name\": \"time\"}",
    "{\"name\": \"nobody\", \"arguments\": {}}",
    "{\"name\": \"weather\", \"arguments\": {\"ci",
    "weather{\"city\": 1}",
    "[weather(city='x', b=[True]), time()]",
    "[weather(city=",
    "time",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ":",
    ",",
    ";",
    " ",
    "\n",
    "'",
    "(",
    ")",
    "text \u{1f600}",
    "<",
];

fn answers() -> impl Strategy<Value = String> {
    let part = prop::sample::select(PARTS.to_vec());
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn formats() -> impl Strategy<Value = ToolFormat> {
    prop::sample::select(ToolFormat::ALL.to_vec())
}

/// The text in pieces that end behind these characters.
fn cut<'t>(text: &'t str, cuts: &[prop::sample::Index]) -> Vec<&'t str> {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let mut at: Vec<usize> = match ends.len() {
        0 => Vec::new(),
        len => cuts.iter().map(|cut| ends[cut.index(len)]).collect(),
    };
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect()
}

/// An answer, by character, in two pieces everywhere, and in `pieces`, is what it is in one.
fn assert_same(format: ToolFormat, answer: &str, pieces: &[&str]) {
    for parallel in [true, false] {
        let tools = tools(ToolChoice::Auto, parallel);
        let whole = told(format, &tools, [answer]);
        let chars: Vec<String> = answer.chars().map(String::from).collect();
        let by_char = told(format, &tools, chars.iter().map(String::as_str));
        assert_eq!(by_char, whole, "{format:?} by character: {answer}");
        let cut = told(format, &tools, pieces.iter().copied());
        assert_eq!(cut, whole, "{format:?} in {pieces:?}: {answer}");
        for (at, _) in answer.char_indices() {
            let (left, right) = answer.split_at(at);
            let two = told(format, &tools, [left, right]);
            assert_eq!(two, whole, "{format:?} cut at {at}: {answer}");
        }
    }
}

#[test]
fn every_cut_of_every_answer_of_the_table_means_the_same() {
    let table: Vec<(String, String, String, Value)> =
        serde_json::from_str(include_str!("answers.json")).unwrap();
    for (_, answer, _, _) in table {
        for format in ToolFormat::ALL {
            assert_same(format, &answer, &[&answer]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pieces_mean_what_the_whole_means(
        answer in answers(),
        format in formats(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        assert_same(format, &answer, &cut(&answer, &cuts));
    }

    #[test]
    fn without_a_call_nothing_is_lost(answer in answers(), format in formats()) {
        let told = told(format, &tools(ToolChoice::Auto, true), [answer.as_str()]);
        if told.calls.is_empty() {
            prop_assert_eq!(told.text, answer);
        } else {
            let tools = ["weather", "time"];
            prop_assert!(told.calls.iter().all(|(name, _)| tools.contains(&name.as_str())));
        }
    }
}
