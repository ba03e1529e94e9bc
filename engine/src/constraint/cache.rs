//! Compiled grammars, those used last.

use std::collections::VecDeque;
use std::sync::Arc;

use super::grammar::Grammar;
use super::matcher::CompiledGrammar;

/// Grammars kept, and the bytes that they were written in, which their size follows.
const MOST: (usize, usize) = (64, 1 << 20);

/// The latest first. They are few: looking through them costs less than what is looked for.
#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: VecDeque<Arc<CompiledGrammar>>,
    bytes: usize,
}

impl Cache {
    pub(super) fn get(&mut self, grammar: &Grammar) -> Option<Arc<CompiledGrammar>> {
        let of = |entry: &Arc<CompiledGrammar>| entry.grammar() == grammar;
        let place = self.entries.iter().position(of)?;
        let entry = self.entries.remove(place)?;
        self.entries.push_front(Arc::clone(&entry));
        Some(entry)
    }

    pub(super) fn put(&mut self, compiled: &Arc<CompiledGrammar>) {
        if self.get(compiled.grammar()).is_some() {
            return;
        }
        self.bytes += compiled.grammar().source.len();
        self.entries.push_front(Arc::clone(compiled));
        while self.entries.len() > MOST.0 || (self.bytes > MOST.1 && self.entries.len() > 1) {
            let oldest = self.entries.pop_back();
            self.bytes -= oldest.map_or(0, |entry| entry.grammar().source.len());
        }
    }
}
