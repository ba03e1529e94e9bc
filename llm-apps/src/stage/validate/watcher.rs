//! Rules that are applied while the text comes.
//!
//! What comes out does not depend on how the text was cut into pieces. A place is decided when the
//! character behind it comes, whichever piece brings it; of the breaches that one piece brings, the one
//! that is decided first counts; of those the one that leaves least, and then the one whose rule stands
//! first.

use super::options::ValidateOptions;
use super::pattern::{Forbidden, Pattern};
use super::spans::SpanFinder;
use super::verdict::Breach;

/// The text of one answer so far, and what may be said of it.
#[derive(Debug)]
pub(super) struct Watcher {
    text: String,
    max_chars: Option<MaxChars>,
    forbidden: Option<(Forbidden, SpanFinder)>,
    /// A pattern that was not found yet.
    wanted: Option<(Pattern, SpanFinder)>,
}

/// Counts characters.
#[derive(Debug)]
struct MaxChars {
    left: usize,
    max: usize,
    counted: usize,
}

/// A breach, and the character with which it is decided.
struct Decided {
    at: usize,
    breach: Breach,
}

impl Watcher {
    pub(super) fn new(options: &ValidateOptions) -> Self {
        let forbidden = options.forbidden.as_ref();
        let wanted = options.regex.as_ref();
        Self {
            text: String::new(),
            max_chars: options.max_chars.map(|max| MaxChars {
                left: max,
                max,
                counted: 0,
            }),
            forbidden: forbidden.map(|f| (f.clone(), SpanFinder::new(&f.automaton, false))),
            wanted: wanted.map(|w| (w.clone(), SpanFinder::new(&w.automaton, true))),
        }
    }

    /// The whole text at once.
    pub(super) fn of(options: &ValidateOptions, text: &str) -> (Self, Option<Breach>) {
        let mut watcher = Self::new(options);
        let breach = watcher.push(text).or_else(|| watcher.finish());
        (watcher, breach)
    }

    /// Takes the next piece. After a breach there is no next one.
    pub(super) fn push(&mut self, piece: &str) -> Option<Breach> {
        self.text.push_str(piece);
        self.decide(false)
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self) -> Option<Breach> {
        self.decide(true)
    }

    /// All text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Up to where no rule about places can be broken any more.
    pub(super) fn safe(&self) -> usize {
        let forbidden = self.forbidden.as_ref().map(|(_, finder)| finder.safe());
        forbidden.map_or(self.text.len(), |safe| safe.min(self.text.len()))
    }

    fn decide(&mut self, complete: bool) -> Option<Breach> {
        let breaches = [
            self.count_chars(),
            self.find_forbidden(complete),
            self.look_for_wanted(complete),
        ];
        let first = breaches
            .into_iter()
            .flatten()
            .min_by_key(|decided| (decided.at, decided.breach.cut.unwrap_or(usize::MAX)));
        first.map(|decided| decided.breach)
    }

    fn count_chars(&mut self) -> Option<Decided> {
        let chars = self.max_chars.as_mut()?;
        for c in self.text.get(chars.counted..)?.chars() {
            if chars.left == 0 {
                return Some(Decided {
                    at: chars.counted,
                    breach: Breach {
                        rule: "max_chars",
                        reason: format!("the answer is longer than {} characters", chars.max),
                        cut: Some(chars.counted),
                    },
                });
            }
            chars.left -= 1;
            chars.counted += c.len_utf8();
        }
        None
    }

    fn find_forbidden(&mut self, complete: bool) -> Option<Decided> {
        let (forbidden, finder) = self.forbidden.as_mut()?;
        let span = finder.advance(&self.text, complete)?;
        let written = forbidden.written(span.pattern);
        Some(Decided {
            at: character_at(&self.text, span.end),
            breach: Breach {
                rule: "forbidden",
                reason: format!("the answer contains what is forbidden: `{written}`"),
                cut: Some(span.start),
            },
        })
    }

    fn look_for_wanted(&mut self, complete: bool) -> Option<Decided> {
        let (pattern, finder) = self.wanted.as_mut()?;
        if finder.advance(&self.text, complete).is_some() {
            self.wanted = None;
            return None;
        }
        let dead = finder.dead_at();
        if dead.is_none() && !complete {
            return None;
        }
        Some(Decided {
            at: dead.map_or(self.text.len(), |at| character_at(&self.text, at)),
            breach: Breach {
                rule: "regex",
                reason: format!("the answer does not match `{}`", pattern.written()),
                cut: None,
            },
        })
    }
}

/// The beginning of the character that the byte at `place` is part of.
fn character_at(text: &str, place: usize) -> usize {
    (0..=place.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}
