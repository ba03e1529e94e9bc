//! GBNF, the EBNF of llama.cpp and others, rewritten as Lark.
//!
//! Rules keep their shape; names, texts and sets of characters are spelled otherwise. Lark finds the
//! longest texts first where GBNF tries all, so a grammar in which one literal begins another may be kept
//! more narrowly than it was meant, never more widely.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::json;

use super::error::GrammarError;

/// Whether a grammar is written in GBNF.
pub(super) fn is_gbnf(text: &str) -> bool {
    text.contains("::=")
}

/// The same language in Lark.
///
/// # Errors
/// [`GrammarError::Grammar`] names the line, or the rule that is missing.
pub(super) fn to_lark(text: &str) -> Result<String, GrammarError> {
    let lexemes = Lexer::new(text).all()?;
    let rules = rules(&lexemes)?;
    let mut names: HashMap<&str, String> = HashMap::new();
    for (index, (name, _)) in rules.iter().enumerate() {
        let lark = match *name {
            "root" => "start".to_owned(),
            _ => format!("rule_{index}"),
        };
        if names.insert(name, lark).is_some() {
            return refused(format!("the rule {name:?} is there twice"));
        }
    }
    if !names.contains_key("root") {
        return refused("there is no rule \"root\"");
    }
    let mut lark = String::new();
    for (name, body) in &rules {
        let _ = write!(lark, "{}:", names[name]);
        write_body(body, &names, &mut lark)?;
        lark.push('\n');
    }
    Ok(lark)
}

#[derive(Debug, Clone, PartialEq)]
enum Lexeme<'t> {
    Name(&'t str),
    /// `::=`
    Is,
    Text(String),
    /// A set of characters, as a regular expression.
    Set(String),
    /// Brackets, bars, and how often.
    Sign(&'t str),
}

/// Names, and what they stand for.
type Rules<'l, 't> = Vec<(&'t str, &'l [Lexeme<'t>])>;

fn rules<'l, 't>(lexemes: &'l [Lexeme<'t>]) -> Result<Rules<'l, 't>, GrammarError> {
    let heads: Vec<_> = (1..lexemes.len())
        .filter(|&i| lexemes[i] == Lexeme::Is)
        .map(|i| i - 1)
        .collect();
    if heads.first() != Some(&0) {
        return refused("it must begin with a rule, such as root ::= \"yes\" | \"no\"");
    }
    let ends = heads.iter().skip(1).copied().chain([lexemes.len()]);
    heads
        .iter()
        .zip(ends)
        .map(|(&head, end)| match lexemes[head] {
            Lexeme::Name(name) => Ok((name, &lexemes[head + 2..end])),
            Lexeme::Is | Lexeme::Text(_) | Lexeme::Set(_) | Lexeme::Sign(_) => {
                refused("there is no name before a ::=")
            }
        })
        .collect()
}

fn write_body(
    body: &[Lexeme<'_>],
    names: &HashMap<&str, String>,
    out: &mut String,
) -> Result<(), GrammarError> {
    let mut empty = true;
    for lexeme in body.iter().chain([&Lexeme::Sign("")]) {
        let closes = matches!(lexeme, Lexeme::Sign("|" | ")" | ""));
        if closes && empty {
            // Lark spells out that there is nothing.
            out.push_str(" \"\"");
        }
        empty = matches!(lexeme, Lexeme::Sign("|" | "("));
        match lexeme {
            Lexeme::Name(name) => match names.get(name) {
                Some(lark) => out.extend([" ", lark]),
                None => return refused(format!("there is no rule {name:?}")),
            },
            Lexeme::Text(text) => out.extend([" ", &json!(text).to_string()]),
            Lexeme::Set(set) => out.extend([" /", set, "/"]),
            Lexeme::Sign(sign @ ("(" | "|")) => out.extend([" ", sign]),
            Lexeme::Sign(sign) => out.push_str(sign),
            Lexeme::Is => return refused("there is no name before a ::="),
        }
    }
    Ok(())
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn all(mut self) -> Result<Vec<Lexeme<'t>>, GrammarError> {
        let mut lexemes = Vec::new();
        while let Some(lexeme) = self.next()? {
            lexemes.push(lexeme);
        }
        Ok(lexemes)
    }

    fn next(&mut self) -> Result<Option<Lexeme<'t>>, GrammarError> {
        self.skip_blank();
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(None);
        };
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let lexeme = match first {
            '"' => Lexeme::Text(self.quoted()?),
            '[' => Lexeme::Set(self.set()?),
            '.' => {
                self.at += 1;
                Lexeme::Set("(?s:.)".to_owned())
            }
            '{' => Lexeme::Sign(self.until('}')?),
            '(' | ')' | '|' | '*' | '+' | '?' => Lexeme::Sign(self.take(1)),
            ':' if rest.starts_with("::=") => {
                self.at += 3;
                Lexeme::Is
            }
            _ if word(first) => {
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                Lexeme::Name(self.take(length))
            }
            _ => return self.unexpected(),
        };
        Ok(Some(lexeme))
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let taken = &self.rest()[..bytes];
        self.at += bytes;
        taken
    }

    /// White space, and comments to the end of their line.
    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            let comment = match trimmed.starts_with('#') {
                true => trimmed.find('\n').unwrap_or(trimmed.len()),
                false => 0,
            };
            self.at += rest.len() - trimmed.len() + comment;
            if comment == 0 {
                return;
            }
        }
    }

    fn until(&mut self, end: char) -> Result<&'t str, GrammarError> {
        match self.rest().find(end) {
            Some(length) => Ok(self.take(length + end.len_utf8())),
            None => self.unexpected(),
        }
    }

    fn quoted(&mut self) -> Result<String, GrammarError> {
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.character()? {
                (true, '"') => return Ok(text),
                (_, c) => text.push(c),
            }
        }
    }

    fn set(&mut self) -> Result<String, GrammarError> {
        let mut set = String::from("[");
        self.at += 1;
        if self.rest().starts_with('^') {
            set.push('^');
            self.at += 1;
        }
        loop {
            match self.character()? {
                (true, ']') => {
                    set.push(']');
                    return Ok(set);
                }
                (true, '-') => set.push('-'),
                (_, c) => {
                    let _ = write!(set, "\\u{{{:X}}}", u32::from(c));
                }
            }
        }
    }

    /// The next character, and whether it was written plainly.
    fn character(&mut self) -> Result<(bool, char), GrammarError> {
        let mut chars = self.rest().chars();
        let first = chars.next();
        let escaped = chars.next();
        let digits = match (first, escaped) {
            (Some('\\'), Some('x')) => 2,
            (Some('\\'), Some('u')) => 4,
            (Some('\\'), Some('U')) => 8,
            (Some('\\'), Some(c)) => {
                self.at += 1 + c.len_utf8();
                let meant = match c {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                };
                return Ok((false, meant));
            }
            (Some(c), _) => {
                self.at += c.len_utf8();
                return Ok((true, c));
            }
            (None, _) => return self.unexpected(),
        };
        let hex = self.rest().get(2..2 + digits);
        let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match code.and_then(char::from_u32) {
            Some(c) => {
                self.at += 2 + digits;
                Ok((false, c))
            }
            None => self.unexpected(),
        }
    }

    fn unexpected<T>(&self) -> Result<T, GrammarError> {
        let line = self.text[..self.at].matches('\n').count() + 1;
        match self.rest().chars().next() {
            Some(c) => refused(format!("line {line}: {c:?} is not expected here")),
            None => refused(format!("line {line}: it ends too early")),
        }
    }
}

fn refused<T>(reason: impl Into<String>) -> Result<T, GrammarError> {
    let reason = reason.into();
    Err(GrammarError::Grammar { reason })
}
