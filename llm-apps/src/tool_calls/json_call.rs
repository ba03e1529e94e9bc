//! [`JsonCall`]: one call that is written as a JSON object, character by character.

use serde_json::Value;

use super::scan::{Scan, Scanned};

/// An object with a `name` and `arguments`, which some models call `parameters`.
#[derive(Debug, Clone, Default)]
pub(super) struct JsonCall {
    /// All that was read.
    pub(super) raw: String,
    stage: Stage,
    /// The key whose value is read, or the beginning of one.
    key: String,
    value: String,
    name: Option<String>,
    /// The arguments, when they stood before the name.
    arguments: Option<String>,
    /// Whether the name is out, and the arguments are passed on as they come.
    begun: bool,
}

#[derive(Debug, Clone, Default)]
enum Stage {
    #[default]
    Start,
    /// A key, or the end of the object; only a key behind a comma.
    Key {
        may_end: bool,
    },
    InKey(Scan),
    Colon,
    Value,
    InValue(Scan),
    AfterValue,
}

/// What a character makes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Not known yet.
    More,
    /// The call of this tool begins, and its arguments with the character.
    Begins(String),
    /// The character is part of the arguments.
    Argument,
    /// The object ends with the character. Name and arguments, unless they are out.
    Ends(Option<(String, String)>),
    /// The arguments are out as far as they go, and end before the character.
    Breaks,
    /// It is no call.
    Invalid,
}

/// Keys of the arguments.
const ARGUMENTS: [&str; 2] = ["arguments", "parameters"];

impl JsonCall {
    /// Reads the next character; `known` says whether a tool of this name may be called.
    pub(super) fn step(&mut self, c: char, known: impl Fn(&str) -> bool) -> Step {
        self.raw.push(c);
        let space = c.is_whitespace();
        match &mut self.stage {
            Stage::Start if space => Step::More,
            Stage::Start if c == '{' => self.go(Stage::Key { may_end: true }),
            Stage::Key { .. } | Stage::Colon | Stage::Value | Stage::AfterValue if space => {
                Step::More
            }
            Stage::Key { .. } if c == '"' => {
                self.key = c.to_string();
                match Scan::begin(c) {
                    Some(scan) => self.go(Stage::InKey(scan)),
                    None => Step::Invalid,
                }
            }
            Stage::Key { may_end: true } | Stage::AfterValue if c == '}' => self.end(known),
            Stage::AfterValue if c == ',' => self.go(Stage::Key { may_end: false }),
            Stage::InKey(scan) => {
                let scanned = scan.step(c);
                self.key.push(c);
                if scanned != Scanned::Last {
                    return Step::More;
                }
                match serde_json::from_str(&self.key) {
                    Ok(key) => {
                        self.key = key;
                        self.go(Stage::Colon)
                    }
                    Err(_) => self.wrong(),
                }
            }
            Stage::Colon if c == ':' => self.go(Stage::Value),
            Stage::Value => self.begin_value(c, known),
            Stage::InValue(scan) => {
                let scanned = scan.step(c);
                self.in_value(c, scanned, known)
            }
            Stage::Start | Stage::Key { .. } | Stage::Colon | Stage::AfterValue => self.wrong(),
        }
    }

    /// Whether its name is out.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    fn go(&mut self, stage: Stage) -> Step {
        self.stage = stage;
        Step::More
    }

    fn wrong(&self) -> Step {
        if self.begun {
            Step::Breaks
        } else {
            Step::Invalid
        }
    }

    fn is_arguments(&self) -> bool {
        ARGUMENTS.contains(&self.key.as_str())
    }

    fn begin_value(&mut self, c: char, known: impl Fn(&str) -> bool) -> Step {
        let Some(scan) = Scan::begin(c) else {
            return self.wrong();
        };
        self.value = c.to_string();
        self.stage = Stage::InValue(scan);
        match &self.name {
            Some(name) if !known(name) => Step::Invalid,
            Some(name) if self.is_arguments() && c == '{' && !self.begun => {
                self.begun = true;
                Step::Begins(name.clone())
            }
            _ => Step::More,
        }
    }

    fn in_value(&mut self, c: char, scanned: Scanned, known: impl Fn(&str) -> bool) -> Step {
        // The first arguments behind the name are those that are out.
        let out = self.begun && self.is_arguments() && self.arguments.is_none();
        match scanned {
            Scanned::Inside | Scanned::Last => {
                if !out {
                    self.value.push(c);
                }
                if scanned == Scanned::Last {
                    self.stage = Stage::AfterValue;
                    if out {
                        self.arguments = Some(String::new());
                    } else if !self.keep_value() {
                        return self.wrong();
                    }
                }
                if out { Step::Argument } else { Step::More }
            }
            Scanned::Behind => {
                self.stage = Stage::AfterValue;
                if !self.keep_value() {
                    return self.wrong();
                }
                self.raw.pop();
                self.step(c, known)
            }
            Scanned::Broken => self.wrong(),
        }
    }

    /// Keeps a value that is whole; `false` where it cannot be what its key says.
    fn keep_value(&mut self) -> bool {
        let value = std::mem::take(&mut self.value);
        if self.begun {
            return true;
        }
        if self.key == "name" {
            self.name = serde_json::from_str(&value).ok();
            return self.name.is_some();
        }
        if self.is_arguments() {
            self.arguments = object(&value);
            return self.arguments.is_some();
        }
        true
    }

    fn end(&mut self, known: impl Fn(&str) -> bool) -> Step {
        if self.begun {
            return Step::Ends(None);
        }
        match self.name.take() {
            Some(name) if known(&name) => {
                let arguments = self.arguments.take().unwrap_or_else(|| "{}".to_owned());
                Step::Ends(Some((name, arguments)))
            }
            _ => Step::Invalid,
        }
    }
}

/// Arguments as the text of an object, as which they may be written in a string, too.
fn object(value: &str) -> Option<String> {
    match serde_json::from_str(value).ok()? {
        Value::Object(_) => Some(value.to_owned()),
        Value::Null => Some("{}".to_owned()),
        Value::String(text) => {
            let object: Value = serde_json::from_str(&text).ok()?;
            object.is_object().then_some(text)
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}
