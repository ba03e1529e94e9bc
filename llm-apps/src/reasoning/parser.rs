//! [`ReasoningParser`]: text in, thoughts and content out.

use super::syntax::{CLOSE, OPEN, Opening};

/// Reads one answer. White space around a thought is left out.
#[derive(Debug, Clone)]
pub struct ReasoningParser {
    state: State,
    /// White space, or what may be the beginning of a tag.
    held: String,
    /// Bytes read, and how many of them were no content when the content began.
    read: usize,
    thought: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but white space was read: the thought may be opened.
    Before,
    /// Within the thought, and whether something of it was said.
    Within { said: bool },
    /// Behind the thought, before the content.
    Between,
    /// The rest is content.
    Content,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReasoningPiece {
    /// What the model thinks.
    Reasoning(String),
    /// What it answers.
    Content(String),
}

impl ReasoningParser {
    /// For an answer that begins there.
    pub fn new(opening: Opening) -> Self {
        Self {
            state: match opening {
                Opening::Within => State::Within { said: false },
                Opening::Before => State::Before,
                Opening::Behind => State::Content,
            },
            held: String::new(),
            read: 0,
            thought: 0,
        }
    }

    /// Reads more of the answer.
    pub fn push(&mut self, text: &str, out: &mut Vec<ReasoningPiece>) {
        for c in text.chars() {
            self.read += c.len_utf8();
            self.step(c, out);
        }
    }

    /// The answer is complete.
    pub fn finish(&mut self, out: &mut Vec<ReasoningPiece>) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Before | State::Content => say(out, &held, false),
            // Of white space behind a thought nothing is left.
            State::Within { said } => {
                let held = if said { held.trim_end() } else { held.trim() };
                say(out, held, true);
                self.thought = self.read;
            }
            State::Between => self.thought = self.read,
        }
    }

    /// Bytes of the answer up to which it was a thought, as far as is known.
    pub fn thought(&self) -> usize {
        match self.state {
            State::Within { .. } => self.read,
            State::Before | State::Between | State::Content => self.thought,
        }
    }

    fn step(&mut self, c: char, out: &mut Vec<ReasoningPiece>) {
        match self.state {
            State::Before => {
                self.held.push(c);
                let tag = self.held.trim_start();
                if tag == OPEN {
                    self.held.clear();
                    self.state = State::Within { said: false };
                } else if !OPEN.starts_with(tag) {
                    self.state = State::Content;
                    let held = std::mem::take(&mut self.held);
                    say(out, &held, false);
                }
            }
            State::Within { said } => self.within(c, said, out),
            State::Between if c.is_whitespace() => {}
            State::Between | State::Content => {
                self.state = State::Content;
                say(out, c.encode_utf8(&mut [0; 4]), false);
            }
        }
    }

    /// White space, and what may be the beginning of the tag, are held back.
    fn within(&mut self, c: char, mut said: bool, out: &mut Vec<ReasoningPiece>) {
        self.held.push(c);
        let tag = self.held.trim_start();
        if tag == CLOSE {
            self.held.clear();
            self.thought = self.read;
            self.state = State::Between;
            return;
        }
        while !CLOSE.starts_with(self.held.trim_start()) {
            let space = self.held.len() - self.held.trim_start().len();
            let first = self.held[space..].chars().next();
            let end = space + first.map_or(0, char::len_utf8);
            let from = if said { 0 } else { space };
            say(out, &self.held[from..end], true);
            self.held.drain(..end);
            said = true;
        }
        self.state = State::Within { said };
    }
}

/// Appends text, to the last piece if that is of the same kind.
fn say(out: &mut Vec<ReasoningPiece>, more: &str, thought: bool) {
    if more.is_empty() {
        return;
    }
    match out.last_mut() {
        Some(ReasoningPiece::Reasoning(text)) if thought => text.push_str(more),
        Some(ReasoningPiece::Content(text)) if !thought => text.push_str(more),
        _ if thought => out.push(ReasoningPiece::Reasoning(more.to_owned())),
        _ => out.push(ReasoningPiece::Content(more.to_owned())),
    }
}
