//! Answers, and however they are cut.

use engine::tokenizer::{ChatTemplate, ChatTemplateSource};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Opening, ReasoningFormat, ReasoningParser, ReasoningPiece, ReasoningSyntax};

/// What a client puts together: thought and content; and where the thought ends.
fn told<'t>(
    opening: Opening,
    pieces: impl IntoIterator<Item = &'t str>,
) -> (String, String, usize) {
    let mut parser = ReasoningParser::new(opening);
    let mut out = Vec::new();
    for piece in pieces {
        parser.push(piece, &mut out);
        out.push(ReasoningPiece::Content(String::new()));
    }
    parser.finish(&mut out);
    let (mut thought, mut content) = (String::new(), String::new());
    for piece in out {
        match piece {
            ReasoningPiece::Reasoning(text) => thought.push_str(&text),
            ReasoningPiece::Content(text) => content.push_str(&text),
        }
    }
    (thought, content, parser.thought())
}

#[test]
fn answers_are_taken_apart() {
    use Opening::{Before, Behind, Within};
    for (opening, answer, thought, content) in [
        (Before, "<think>\nHm. \n</think>\n\nYes.\n", "Hm.", "Yes.\n"),
        (
            Before,
            "\n<think>a < b </thin </think>x",
            "a < b </thin",
            "x",
        ),
        (Before, " Yes.", "", " Yes."),
        (Before, "I <think> so</think>.", "", "I <think> so</think>."),
        (Before, "<think>\n\n</think>\n\nYes.", "", "Yes."),
        (Before, "<thi", "", "<thi"),
        (Before, "<think>cut off \n", "cut off", ""),
        (Within, "Hm.</think>Yes. </think>", "Hm.", "Yes. </think>"),
        (Within, "\n never closed </thi", "never closed </thi", ""),
        (Within, "<<</think>", "<<", ""),
        (Behind, "<think>a</think>b", "", "<think>a</think>b"),
        (Before, "", "", ""),
    ] {
        let (found, rest, _) = told(opening, [answer]);
        assert_eq!(
            (found.as_str(), rest.as_str()),
            (thought, content),
            "{answer}"
        );
    }
}

#[test]
fn the_end_of_a_thought_is_known() {
    assert_eq!(told(Opening::Before, ["<think>a</think>b"]).2, 16);
    assert_eq!(told(Opening::Within, ["abc"]).2, 3);
    assert_eq!(told(Opening::Before, ["abc"]).2, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pieces_mean_what_the_whole_means(
        parts in prop::collection::vec(
            prop::sample::select(vec!["<think>", "</think>", "<", "/", "thi", " ", "\n", "é", "text", "nk>"]), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        opening in prop::sample::select(vec![Opening::Within, Opening::Before, Opening::Behind]),
    ) {
        let answer = parts.concat();
        let whole = told(opening, [answer.as_str()]);
        let chars: Vec<String> = answer.chars().map(String::from).collect();
        prop_assert_eq!(&told(opening, chars.iter().map(String::as_str)), &whole);
        let ends: Vec<usize> = answer.char_indices().map(|(at, _)| at).chain([answer.len()]).collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| ends[cut.index(ends.len())]).collect();
        at.extend([0, answer.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|ends| &answer[ends[0]..ends[1]]);
        prop_assert_eq!(&told(opening, pieces), &whole);
    }
}

fn template(text: &str) -> ChatTemplate {
    let source = ChatTemplateSource {
        template: Some(text.to_owned()),
        ..ChatTemplateSource::default()
    };
    ChatTemplate::new(&source).unwrap()
}

fn switched(on: Option<bool>) -> Map<String, Value> {
    let told = on.map(|on| ("enable_thinking".to_owned(), json!(on)));
    told.into_iter().collect()
}

#[test]
fn templates_tell_where_answers_begin() {
    use Opening::{Before, Behind, Within};
    let turns = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}";
    let opens = template(&format!("{turns}<a><think>\n"));
    let closes = template(&format!(
        "{turns}<a>{{% if enable_thinking is defined and enable_thinking is false %}}<think>\n\n</think>\n\n{{% endif %}}"
    ));
    let plain = template("{% for m in messages %}{{ m.content }}{% endfor %}<a>");
    for (template, given, expected) in [
        (&opens, None, [Within, Within, Within]),
        (&closes, None, [Before, Before, Behind]),
        (
            &closes,
            Some(ReasoningFormat::None),
            [Behind, Behind, Behind],
        ),
        (&plain, None, [Behind, Behind, Behind]),
        (
            &plain,
            Some(ReasoningFormat::Think),
            [Before, Before, Before],
        ),
    ] {
        let syntax = ReasoningSyntax::of(Some(template), given);
        let found = [None, Some(true), Some(false)].map(|on| syntax.opening(&switched(on)));
        assert_eq!(found, expected);
    }
}
