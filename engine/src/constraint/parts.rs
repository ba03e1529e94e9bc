//! [`Part`]: forms that are put together from texts, tokens and other forms.

use std::fmt::Write;

use llguidance::regex_to_lark;
use serde_json::{Value, json};

use super::error::GrammarError;
use super::grammar::{Grammar, GrammarKind};
use super::schema;

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// This text.
    Text(String),
    /// This token, whatever its text: a special one has none.
    Token(u32),
    /// White space, up to 24 characters, or none.
    Space,
    /// Any text, or none, that does not begin with this character behind white space.
    Free {
        /// `None` lets it begin with any.
        not: Option<char>,
    },
    /// Any text up to the first occurrence of this one, and with it.
    Until(String),
    /// A text of this form.
    Form(Grammar),
    /// All of these, in their order.
    Sequence(Vec<Part>),
    /// One of these.
    OneOf(Vec<Part>),
    /// The part, or none, at most so often; `None` is as often as one likes.
    Repeat(Box<Part>, Option<u32>),
}

/// Longest grammar that is put together, in bytes.
const MAX_BYTES: usize = 256 << 10;

/// Lark as it is written.
#[derive(Default)]
struct Lark {
    /// Rules beside the first.
    rules: String,
    count: usize,
}

impl Part {
    /// The form that this is the whole of.
    ///
    /// # Errors
    /// [`GrammarError::TooLarge`]; whether it can be kept turns out when it is compiled.
    pub fn into_grammar(self) -> Result<Grammar, GrammarError> {
        let mut lark = Lark::default();
        let start = lark.part(&self)?;
        let source = format!("start: {start}\n{}", lark.rules);
        if source.len() > MAX_BYTES {
            return Err(GrammarError::TooLarge {
                what: "a form",
                unit: "bytes",
                size: source.len(),
                limit: MAX_BYTES,
            });
        }
        Ok(Grammar::new(GrammarKind::Grammar, &source))
    }
}

impl Lark {
    /// The expression for a part. What has to have a name gets one.
    fn part(&mut self, part: &Part) -> Result<String, GrammarError> {
        Ok(match part {
            Part::Text(text) => quoted(text),
            Part::Token(id) => format!("<[{id}]>"),
            Part::Space => self.terminal(r"/[ \n\r\t]{0,24}/"),
            Part::Free { not: None } => self.terminal(r"/(.|\n)*/"),
            Part::Free { not: Some(not) } => {
                let not = regex_syntax_escape(*not);
                self.terminal(&format!(r"/([ \n\r\t]*[^ \n\r\t{not}](.|\n)*)?/"))
            }
            Part::Until(text) => {
                let text = quoted(text);
                self.rule("[lazy]", &format!(r"/(.|\n)*/ {text}"))
            }
            Part::Form(grammar) => self.form(grammar)?,
            Part::Sequence(parts) => {
                let parts: Result<Vec<_>, _> = parts.iter().map(|part| self.part(part)).collect();
                self.rule("", &parts?.join(" "))
            }
            Part::OneOf(parts) => {
                let parts: Result<Vec<_>, _> = parts.iter().map(|part| self.part(part)).collect();
                self.rule("", &parts?.join(" | "))
            }
            Part::Repeat(part, most) => {
                let part = self.part(part)?;
                let part = self.rule("", &part);
                match most {
                    Some(most) => format!("{part}{{0,{most}}}"),
                    None => format!("{part}*"),
                }
            }
        })
    }

    fn form(&mut self, grammar: &Grammar) -> Result<String, GrammarError> {
        let source = &*grammar.source;
        Ok(match grammar.kind {
            GrammarKind::JsonSchema => {
                let schema: Value = schema::with_options(source)?;
                self.rule("", &format!("%json {schema}"))
            }
            GrammarKind::Regex => self.terminal(&format!("/{}/", regex_to_lark(source, "dws"))),
            GrammarKind::Choice | GrammarKind::Grammar => {
                self.rule("", &format!("%lark {{\n{source}\n}}"))
            }
        })
    }

    fn rule(&mut self, attributes: &str, body: &str) -> String {
        self.count += 1;
        let name = format!("part_{}", self.count);
        // Writing to a string does not fail.
        writeln!(self.rules, "{name}{attributes}: {body}").ok();
        name
    }

    fn terminal(&mut self, body: &str) -> String {
        self.count += 1;
        let name = format!("PART_{}", self.count);
        writeln!(self.rules, "{name}: {body}").ok();
        name
    }
}

/// A string of Lark is written as one of JSON.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// A character within a class.
fn regex_syntax_escape(c: char) -> String {
    if c.is_ascii_punctuation() {
        format!("\\{c}")
    } else {
        c.to_string()
    }
}
