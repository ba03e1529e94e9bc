//! Matches in a text that is still being written.
//!
//! The automaton is followed from every place of the text at the same time, as in Pike's machine: a
//! thread is a state and the place where it began. Of threads in one state only the one that began first
//! goes on, since their futures are the same; so there are never more threads than states, and a byte
//! costs no more than the automaton is large. What began with the oldest thread may still become a match:
//! that is what must be held back.
//!
//! A place is decided when the character behind it is known, or the end: `$` and `\b` look one ahead.

use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::primitives::StateID;

/// Follows one automaton through one text.
#[derive(Debug)]
pub(super) struct SpanFinder {
    automaton: NFA,
    /// Whether the empty text can be a match.
    empty_counts: bool,
    /// Bytes with which a match can begin.
    beginnings: Box<[bool; 256]>,
    /// Places that are decided.
    at: usize,
    /// The byte that ended the last thread of a pattern that matches at the beginning only.
    dead_at: Option<usize>,
    /// Threads at `at`, the one that began first before the others.
    threads: Vec<Thread>,
    scratch: Scratch,
}

#[derive(Debug, Clone, Copy)]
struct Thread {
    state: StateID,
    start: usize,
}

/// What is used anew at every place.
#[derive(Debug, Default)]
struct Scratch {
    next: Vec<Thread>,
    stack: Vec<StateID>,
    /// At which place a state was seen last.
    seen: Vec<usize>,
}

/// The match that ends first; of those, the one that begins first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Which of the automaton's patterns.
    pub(super) pattern: usize,
}

impl SpanFinder {
    pub(super) fn new(automaton: &NFA, empty_counts: bool) -> Self {
        let mut finder = Self {
            automaton: automaton.clone(),
            empty_counts,
            beginnings: Box::new([false; 256]),
            at: 0,
            dead_at: None,
            threads: Vec::new(),
            scratch: Scratch {
                seen: vec![usize::MAX; automaton.states().len()],
                ..Scratch::default()
            },
        };
        finder.note_beginnings();
        finder
    }

    /// Goes on to the end of `text`, which is what it was before and more; `complete` when nothing
    /// follows. After a match it is not to be asked again.
    pub(super) fn advance(&mut self, text: &str, complete: bool) -> Option<Span> {
        while self.at < text.len() && self.dead_at.is_none() {
            if let Some(span) = self.step(text) {
                return Some(span);
            }
        }
        if self.dead_at.is_some() {
            // Nothing is left to be decided.
            self.at = text.len();
            return None;
        }
        if complete { self.step(text) } else { None }
    }

    /// Up to where no match can begin any more.
    pub(super) fn safe(&self) -> usize {
        self.threads.first().map_or(self.at, |oldest| oldest.start)
    }

    /// The byte behind which no text can bring a match any more, if there was one.
    pub(super) fn dead_at(&self) -> Option<usize> {
        self.dead_at
    }

    /// Decides the place `at`, and takes the byte behind it.
    fn step(&mut self, text: &str) -> Option<Span> {
        let (at, bytes) = (self.at, text.as_bytes());
        let byte = bytes.get(at).copied();
        let begins = match byte {
            Some(byte) => self.beginnings[usize::from(byte)] && text.is_char_boundary(at),
            None => self.empty_counts,
        };
        let fresh = (begins || self.empty_counts).then_some(Thread {
            state: self.automaton.start_anchored(),
            start: at,
        });
        self.scratch.next.clear();
        let mut found = None;
        for thread in self.threads.iter().copied().chain(fresh) {
            found = self
                .scratch
                .follow(&self.automaton, self.empty_counts, thread, bytes, at);
            if found.is_some() {
                break;
            }
        }
        std::mem::swap(&mut self.threads, &mut self.scratch.next);
        let dies = self.threads.is_empty() && self.automaton.is_always_start_anchored();
        if dies && byte.is_some() && self.dead_at.is_none() {
            self.dead_at = Some(at);
        }
        self.at = at + 1;
        found
    }

    /// A match can begin with the bytes that leave the states which are reached without one, whatever
    /// stands around.
    fn note_beginnings(&mut self) {
        let mut seen = vec![false; self.automaton.states().len()];
        let mut stack = vec![self.automaton.start_anchored()];
        while let Some(id) = stack.pop() {
            if std::mem::replace(&mut seen[id.as_usize()], true) {
                continue;
            }
            match self.automaton.state(id) {
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) => {
                    for byte in 0..=u8::MAX {
                        if after(self.automaton.state(id), byte).is_some() {
                            self.beginnings[usize::from(byte)] = true;
                        }
                    }
                }
                State::Look { next, .. } | State::Capture { next, .. } => stack.push(*next),
                State::Union { alternates } => stack.extend(alternates.iter()),
                State::BinaryUnion { alt1, alt2 } => stack.extend([alt1, alt2]),
                State::Fail | State::Match { .. } => {}
            }
        }
    }
}

impl Scratch {
    /// Takes a thread to all states that are reached without a byte, and from there over the byte at
    /// `at`. Stops at a match.
    fn follow(
        &mut self,
        automaton: &NFA,
        empty_counts: bool,
        thread: Thread,
        text: &[u8],
        at: usize,
    ) -> Option<Span> {
        let start = thread.start;
        let byte = text.get(at).copied();
        self.stack.push(thread.state);
        while let Some(id) = self.stack.pop() {
            if std::mem::replace(&mut self.seen[id.as_usize()], at) == at {
                continue;
            }
            match automaton.state(id) {
                state @ (State::ByteRange { .. } | State::Sparse(_) | State::Dense(_)) => {
                    if let Some(state) = byte.and_then(|byte| after(state, byte)) {
                        self.next.push(Thread { state, start });
                    }
                }
                State::Look { look, next } => {
                    if automaton.look_matcher().matches(*look, text, at) {
                        self.stack.push(*next);
                    }
                }
                State::Capture { next, .. } => self.stack.push(*next),
                State::Union { alternates } => self.stack.extend(alternates.iter()),
                State::BinaryUnion { alt1, alt2 } => self.stack.extend([alt1, alt2]),
                State::Match { pattern_id } if at > start || empty_counts => {
                    self.stack.clear();
                    return Some(Span {
                        start,
                        end: at,
                        pattern: pattern_id.as_usize(),
                    });
                }
                State::Fail | State::Match { .. } => {}
            }
        }
        None
    }
}

/// Where a byte leads.
fn after(state: &State, byte: u8) -> Option<StateID> {
    match state {
        State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
        State::Sparse(transitions) => transitions.matches_byte(byte),
        State::Dense(transitions) => transitions.matches_byte(byte),
        State::Look { .. }
        | State::Union { .. }
        | State::BinaryUnion { .. }
        | State::Capture { .. }
        | State::Fail
        | State::Match { .. } => None,
    }
}
