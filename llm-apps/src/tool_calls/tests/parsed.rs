//! What answers mean: a table for each format.

use serde_json::{Value, json};

use crate::tool_calls::{Tool, ToolCallParser, ToolChoice, ToolFormat, ToolPiece, ToolUse};

/// What a client puts together from an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) calls: Vec<(String, String)>,
}

pub(super) fn tools(choice: ToolChoice, parallel: bool) -> ToolUse {
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        told: json!({"type": "function", "function": {"name": name}}),
        parameters: json!({
            "type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"],
        }),
        strict: false,
        param: format!("{name}.parameters"),
    };
    ToolUse {
        tools: vec![tool("weather"), tool("time")],
        callable: vec![0, 1],
        choice,
        parallel,
        param: "tools".to_owned(),
    }
}

pub(super) fn told<'t>(
    format: ToolFormat,
    tools: &ToolUse,
    pieces: impl IntoIterator<Item = &'t str>,
) -> Told {
    let mut parser = ToolCallParser::new(format, tools);
    let mut out = Vec::new();
    for piece in pieces {
        parser.push(piece, &mut out);
        // As a stream does: what is out is out.
        out.push(ToolPiece::Text(String::new()));
    }
    parser.finish(&mut out);
    let mut told = Told::default();
    for piece in out {
        match piece {
            ToolPiece::Text(text) => told.text.push_str(&text),
            ToolPiece::Call { index, name } => {
                assert_eq!(index, told.calls.len());
                told.calls.push((name, String::new()));
            }
            ToolPiece::Arguments { index, text } => {
                assert_eq!(index, told.calls.len() - 1);
                told.calls[index].1.push_str(&text);
            }
        }
    }
    told
}

#[test]
fn answers_mean_what_the_table_says() {
    let table: Vec<(String, String, String, Value)> =
        serde_json::from_str(include_str!("answers.json")).unwrap();
    let tools = tools(ToolChoice::Auto, true);
    for (format, answer, text, calls) in table {
        let format = ToolFormat::ALL
            .into_iter()
            .find(|f| f.name() == format)
            .unwrap();
        let told = told(format, &tools, [answer.as_str()]);
        let calls: Vec<(String, String)> = serde_json::from_value(calls).unwrap();
        assert_eq!(told, Told { text, calls }, "{format:?}: {answer}");
    }
}

#[test]
fn one_call_is_told_where_one_may_be_made() {
    let answer = "[weather(city='A'), time(city='B')]";
    let one = told(
        ToolFormat::Pythonic,
        &tools(ToolChoice::Auto, false),
        [answer],
    );
    assert_eq!(
        one.calls,
        [("weather".to_owned(), r#"{"city":"A"}"#.to_owned())]
    );
    assert_eq!(one.text, "");
}

#[test]
fn a_call_that_is_cut_off_is_not_whole() {
    let tools = tools(ToolChoice::Auto, true);
    let mut parser = ToolCallParser::new(ToolFormat::Hermes, &tools);
    let mut out = Vec::new();
    parser.push(
        "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Par",
        &mut out,
    );
    parser.finish(&mut out);
    assert_eq!((parser.calls(), parser.is_whole()), (1, false));
}
