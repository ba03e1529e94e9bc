//! [`ToolCallParser`]: text in, text and calls out.

use std::collections::VecDeque;
use std::sync::Arc;

use super::format::ToolFormat;
use super::json_call::{JsonCall, Step};
use super::piece::{ToolPiece, argue, say};
use super::pythonic::{PythonCall, PythonStep};
use super::scan::{Scan, Scanned};
use super::tool::ToolUse;

/// Reads one answer.
#[derive(Debug, Clone)]
pub struct ToolCallParser {
    format: ToolFormat,
    /// Names of the tools that may be called.
    names: Arc<[String]>,
    /// Calls that are told; more are left out.
    most: usize,
    /// Calls so far.
    calls: usize,
    /// Whether the last call is whole.
    whole: bool,
    state: State,
    /// Characters that are still to be read.
    input: VecDeque<char>,
    /// White space that is left out if a call follows.
    space: String,
    /// Whether there was text behind the last call.
    text_behind: bool,
}

/// Where an answer stands.
#[derive(Debug, Clone)]
enum State {
    /// Where a call may stand without a mark.
    Opening,
    /// Text, at the end of which this may be the beginning of a mark.
    Text(String),
    /// A call, behind what led to it.
    Json(String, JsonCall),
    /// Behind a mark of Mistral's.
    Marked(String),
    /// A name, behind the mark, then the arguments.
    Named(String),
    /// The arguments of a call that was written so.
    Arguments(Scan),
    /// Calls as Python writes them.
    Python(PythonCall),
    /// Behind a call: what may be the beginning of its end.
    Behind(String),
}

const HERMES_END: &str = "</tool_call>";
/// What may stand between a name and its arguments.
const MISTRAL_ARGUMENTS: &str = "[ARGS]";
/// Longest name of a tool.
const MAX_NAME: usize = 64;

impl ToolCallParser {
    /// For an answer of a model that writes in `format`.
    pub fn new(format: ToolFormat, tools: &ToolUse) -> Self {
        Self {
            format,
            names: tools.callable().map(|tool| tool.name.clone()).collect(),
            most: tools.most().unwrap_or(usize::MAX),
            calls: 0,
            whole: true,
            state: State::Opening,
            input: VecDeque::new(),
            space: String::new(),
            text_behind: false,
        }
    }

    /// Reads more of the answer.
    pub fn push(&mut self, text: &str, out: &mut Vec<ToolPiece>) {
        self.input.extend(text.chars());
        self.drain(out);
    }

    /// The answer is complete: what was held back is text.
    pub fn finish(&mut self, out: &mut Vec<ToolPiece>) {
        loop {
            match std::mem::replace(&mut self.state, State::Text(String::new())) {
                State::Json(_, call) if call.begun() => break,
                State::Json(mark, call) => self.undo(&mark, &call.raw, out),
                State::Marked(raw) | State::Named(raw) | State::Text(raw) => {
                    self.text(&raw, out);
                    break;
                }
                State::Python(call) => {
                    self.text(call.raw(), out);
                    break;
                }
                // Part of a call's end.
                State::Behind(_) | State::Arguments(_) | State::Opening => break,
            }
            self.drain(out);
        }
        if self.calls == 0 || self.text_behind {
            let space = std::mem::take(&mut self.space);
            space.chars().for_each(|c| say(out, c));
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Whether the last call is whole.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    fn drain(&mut self, out: &mut Vec<ToolPiece>) {
        while let Some(c) = self.input.pop_front() {
            self.step(c, out);
        }
    }

    /// These characters are read again.
    fn again(&mut self, text: &str) {
        for c in text.chars().rev() {
            self.input.push_front(c);
        }
    }

    /// What led to a call, and what was read behind it, is read again as text. A mark is not: it led here.
    fn undo(&mut self, mark: &str, raw: &str, out: &mut Vec<ToolPiece>) {
        self.state = State::Text(String::new());
        self.again(raw);
        if mark.starts_with(self.format.mark()) {
            self.text(mark, out);
        } else {
            self.again(mark);
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<ToolPiece>) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space.push(c);
            } else {
                let space = std::mem::take(&mut self.space);
                space.chars().for_each(|c| say(out, c));
                say(out, c);
                self.text_behind = true;
            }
        }
    }

    fn begin(&mut self, name: String, out: &mut Vec<ToolPiece>) {
        self.space.clear();
        self.text_behind = false;
        self.whole = false;
        self.calls += 1;
        if self.calls <= self.most {
            let index = self.calls - 1;
            out.push(ToolPiece::Call { index, name });
        }
    }

    fn argue(&self, more: &str, out: &mut Vec<ToolPiece>) {
        if self.calls <= self.most {
            argue(out, self.calls - 1, more);
        }
    }

    fn end(&mut self) {
        self.whole = true;
        self.state = State::Behind(String::new());
    }

    fn step(&mut self, c: char, out: &mut Vec<ToolPiece>) {
        match std::mem::replace(&mut self.state, State::Opening) {
            State::Opening => self.opening(c, out),
            State::Text(held) => self.in_text(held, c, out),
            State::Json(mark, call) => self.json(mark, call, c, out),
            State::Marked(raw) => self.marked(raw, c, out),
            State::Named(raw) => self.named(raw, c, out),
            State::Arguments(scan) => self.arguments(scan, c, out),
            State::Python(call) => self.python(call, c, out),
            State::Behind(held) => self.behind(held, c, out),
        }
    }

    fn opening(&mut self, c: char, out: &mut Vec<ToolPiece>) {
        if c.is_whitespace() {
            self.space.push(c);
            return;
        }
        let mistral = self.format == ToolFormat::Mistral;
        match c {
            '{' => {
                self.state = State::Json(String::new(), JsonCall::default());
                self.again("{");
            }
            '[' if self.format == ToolFormat::Pythonic => {
                self.state = State::Python(PythonCall::default());
            }
            '[' if mistral => self.state = State::Json("[".to_owned(), JsonCall::default()),
            c if mistral && is_name(c) => self.named(String::new(), c, out),
            _ => self.in_text(String::new(), c, out),
        }
    }

    fn in_text(&mut self, mut held: String, c: char, out: &mut Vec<ToolPiece>) {
        let mark = self.format.mark();
        held.push(c);
        if held == mark {
            self.state = match self.format {
                ToolFormat::Hermes => State::Json(held, JsonCall::default()),
                ToolFormat::Mistral => State::Marked(held),
                ToolFormat::Llama3Json | ToolFormat::Pythonic => {
                    // Left out if a call follows.
                    self.space.push_str(&held);
                    State::Opening
                }
            };
        } else if mark.starts_with(&held) {
            self.state = State::Text(held);
        } else {
            // A mark may begin behind the first character.
            let mut rest = held.chars();
            let first = rest.next().map(String::from).unwrap_or_default();
            self.text(&first, out);
            self.state = State::Text(String::new());
            self.again(rest.as_str());
        }
    }

    fn json(&mut self, mark: String, mut call: JsonCall, c: char, out: &mut Vec<ToolPiece>) {
        let names = Arc::clone(&self.names);
        let known = |name: &str| names.iter().any(|known| known == name);
        match call.step(c, known) {
            Step::More => self.state = State::Json(mark, call),
            Step::Begins(name) => {
                self.begin(name, out);
                self.argue("{", out);
                self.state = State::Json(mark, call);
            }
            Step::Argument => {
                self.argue(c.encode_utf8(&mut [0; 4]), out);
                self.state = State::Json(mark, call);
            }
            Step::Ends(whole) => {
                if let Some((name, arguments)) = whole {
                    self.begin(name, out);
                    self.argue(&arguments, out);
                }
                self.end();
            }
            Step::Breaks => {
                self.state = State::Behind(String::new());
                self.again(c.encode_utf8(&mut [0; 4]));
            }
            Step::Invalid => self.undo(&mark, &call.raw, out),
        }
    }

    fn marked(&mut self, mut raw: String, c: char, out: &mut Vec<ToolPiece>) {
        raw.push(c);
        self.state = match c {
            c if c.is_whitespace() => State::Marked(raw),
            '[' => State::Json(raw, JsonCall::default()),
            c if is_name(c) => State::Named(raw),
            _ => {
                raw.pop();
                self.text(&raw, out);
                self.again(c.encode_utf8(&mut [0; 4]));
                State::Text(String::new())
            }
        };
    }

    /// A name that arguments follow, with the mark before it if there was one.
    fn named(&mut self, mut raw: String, c: char, out: &mut Vec<ToolPiece>) {
        let mark = ToolFormat::Mistral.mark();
        let name = raw.strip_prefix(mark).unwrap_or(&raw).trim_start();
        let (name, between) = name.split_at(name.find('[').unwrap_or(name.len()));
        let arguments = c == '{' && (between.is_empty() || between == MISTRAL_ARGUMENTS);
        if arguments && self.names.iter().any(|known| known == name) {
            if let Some(scan) = Scan::begin(c) {
                self.begin(name.to_owned(), out);
                self.argue("{", out);
                self.state = State::Arguments(scan);
            }
            return;
        }
        let goes_on = if between.is_empty() {
            (is_name(c) && name.len() < MAX_NAME) || (c == '[' && !name.is_empty())
        } else {
            MISTRAL_ARGUMENTS
                .strip_prefix(between)
                .is_some_and(|rest| rest.starts_with(c))
        };
        if goes_on {
            raw.push(c);
            self.state = State::Named(raw);
            return;
        }
        self.again(c.encode_utf8(&mut [0; 4]));
        match raw.strip_prefix(mark) {
            Some(rest) => self.undo(mark, rest, out),
            None => self.undo("", &raw, out),
        }
    }

    fn arguments(&mut self, mut scan: Scan, c: char, out: &mut Vec<ToolPiece>) {
        match scan.step(c) {
            Scanned::Inside => {
                self.argue(c.encode_utf8(&mut [0; 4]), out);
                self.state = State::Arguments(scan);
            }
            Scanned::Last => {
                self.argue(c.encode_utf8(&mut [0; 4]), out);
                self.end();
            }
            Scanned::Behind | Scanned::Broken => {
                self.state = State::Behind(String::new());
                self.again(c.encode_utf8(&mut [0; 4]));
            }
        }
    }

    fn python(&mut self, mut call: PythonCall, c: char, out: &mut Vec<ToolPiece>) {
        let names = Arc::clone(&self.names);
        match call.step(c, |name| names.iter().any(|known| known == name)) {
            PythonStep::More => self.state = State::Python(call),
            PythonStep::Call(name, arguments) => {
                self.begin(name, out);
                self.argue(&arguments, out);
                self.whole = true;
                self.state = State::Python(call);
            }
            PythonStep::End => self.end(),
            PythonStep::Invalid => {
                self.state = State::Text(String::new());
                self.text(call.raw(), out);
            }
        }
    }

    /// Behind a call: its end, white space, or what leads to the next one.
    fn behind(&mut self, mut held: String, c: char, out: &mut Vec<ToolPiece>) {
        if c.is_whitespace() && held.is_empty() {
            self.space.push(c);
            self.state = State::Behind(held);
            return;
        }
        let divided = matches!(held.trim_end(), ";" | ",");
        if c.is_whitespace() && divided {
            held.push(c);
            self.state = State::Behind(held);
            return;
        }
        let json = match self.format {
            ToolFormat::Hermes => false,
            ToolFormat::Llama3Json | ToolFormat::Pythonic => divided || held.is_empty(),
            ToolFormat::Mistral => divided,
        };
        let divides = matches!(
            (self.format, c),
            (ToolFormat::Llama3Json | ToolFormat::Pythonic, ';') | (ToolFormat::Mistral, ',')
        );
        match c {
            '{' if json => {
                self.state = State::Json(held, JsonCall::default());
                self.again("{");
            }
            _ if held.is_empty() && divides => self.state = State::Behind(c.to_string()),
            ']' if held.is_empty() && self.format == ToolFormat::Mistral => {
                self.state = State::Text(String::new());
            }
            c if held.is_empty() && self.format == ToolFormat::Mistral && is_name(c) => {
                self.named(held, c, out);
            }
            _ => {
                held.push(c);
                if self.format == ToolFormat::Hermes && held == HERMES_END {
                    self.state = State::Text(String::new());
                } else if self.format == ToolFormat::Hermes && HERMES_END.starts_with(&held) {
                    self.state = State::Behind(held);
                } else {
                    // Text, in which a mark may begin.
                    self.state = State::Text(String::new());
                    self.again(&held);
                }
            }
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
