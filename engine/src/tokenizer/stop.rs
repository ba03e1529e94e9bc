//! Stop strings in a stream of text.
//!
//! Each stop string is followed by its own Knuth-Morris-Pratt automaton (Knuth, Morris, Pratt: Fast
//! pattern matching in strings, 1977), which after each byte knows how much of the stop string the
//! text ends with. The longest of these is held back, as it may become a match; all before it can
//! never be part of one and is released. Held text equals the beginning of a stop string, so it need
//! not be stored. Time is linear in the text for each stop string, however the text is cut.
//!
//! The stop string whose last byte comes first wins, and of those that end together the longest: what
//! is found does not depend on how the text is cut, and no text is waited for that a generation which
//! stops here would never make.

use thiserror::Error;

/// Most stop strings that one request may have.
pub const MAX_STOP_STRINGS: usize = 16;

/// Finds stop strings in text that comes in pieces, and lets nothing of them out.
#[derive(Debug, Clone)]
pub struct StopMatcher {
    stops: Vec<Stop>,
    /// The stop string whose beginning is held back.
    holder: usize,
    released: usize,
    matched: Option<usize>,
}

/// Why stop strings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidStop {
    /// An empty string is found everywhere.
    #[error("stop[{index}] is empty; a stop string needs at least one character")]
    Empty {
        /// Its place in the list.
        index: usize,
    },
    /// Each one costs time for each byte of text.
    #[error("stop has {found} strings; at most {MAX_STOP_STRINGS} are supported")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// One stop string and how much of it the text ends with.
#[derive(Debug, Clone)]
struct Stop {
    text: String,
    /// For each length of a beginning of `text`, the length of the longest shorter beginning that it
    /// ends with.
    fallback: Vec<usize>,
    /// Bytes of `text` that the text read so far ends with.
    reached: usize,
}

impl StopMatcher {
    /// A matcher for one text. Without stop strings everything is released at once.
    ///
    /// # Errors
    /// [`InvalidStop`] when a stop string is empty or there are too many.
    pub fn new(stops: &[String]) -> Result<Self, InvalidStop> {
        if stops.len() > MAX_STOP_STRINGS {
            return Err(InvalidStop::TooMany { found: stops.len() });
        }
        if let Some(index) = stops.iter().position(String::is_empty) {
            return Err(InvalidStop::Empty { index });
        }
        Ok(Self {
            stops: stops.iter().map(|text| Stop::new(text)).collect(),
            holder: 0,
            released: 0,
            matched: None,
        })
    }

    /// Reads the next piece and appends to `out` what can no longer be part of a stop string. When a
    /// stop string is complete, gives its index, now and ever after; what stood before it has been
    /// released then, and nothing more will be.
    pub fn push(&mut self, text: &str, out: &mut String) -> Option<usize> {
        if self.matched.is_some() {
            return self.matched;
        }
        let (held, held_from) = (self.held(), self.holder);
        for (read, &byte) in text.as_bytes().iter().enumerate() {
            let mut longest = 0;
            for (index, stop) in self.stops.iter_mut().enumerate() {
                if stop.advance(byte) && longest < stop.text.len() {
                    longest = stop.text.len();
                    self.matched = Some(index);
                }
            }
            if self.matched.is_some() {
                self.release(held_from, held, text, held + read + 1 - longest, out);
                return self.matched;
            }
        }
        let longest = self
            .stops
            .iter()
            .enumerate()
            .max_by_key(|(_, stop)| stop.reached);
        self.holder = longest.map_or(0, |(index, _)| index);
        self.release(held_from, held, text, held + text.len() - self.held(), out);
        None
    }

    /// Ends the text: what is still held back was no stop string and is released.
    pub fn finish(&mut self, out: &mut String) {
        if self.matched.is_none() {
            let held = self.held();
            self.release(self.holder, held, "", held, out);
            for stop in &mut self.stops {
                stop.reached = 0;
            }
        }
    }

    /// Bytes of the pushed text that have been released, from its beginning. Tokens whose text lies
    /// below this mark are out.
    pub fn released(&self) -> usize {
        self.released
    }

    /// The stop string that was found, by its index.
    pub fn matched(&self) -> Option<usize> {
        self.matched
    }

    /// Bytes held back.
    fn held(&self) -> usize {
        self.stops.get(self.holder).map_or(0, |stop| stop.reached)
    }

    /// Appends the first `count` bytes of the held text followed by `text`. The held text is the
    /// first `held` bytes of stop string `from`. A stop string begins with a whole character, so the
    /// cut never lies within one.
    fn release(&mut self, from: usize, held: usize, text: &str, count: usize, out: &mut String) {
        let from_held = count.min(held);
        if let Some(stop) = self.stops.get(from) {
            out.push_str(&stop.text[..from_held]);
        }
        out.push_str(&text[..count - from_held]);
        self.released += count;
    }
}

impl Stop {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut fallback = vec![0; bytes.len() + 1];
        let mut reached = 0;
        for end in 1..bytes.len() {
            while reached > 0 && bytes[reached] != bytes[end] {
                reached = fallback[reached];
            }
            if bytes[reached] == bytes[end] {
                reached += 1;
            }
            fallback[end + 1] = reached;
        }
        Self {
            text: text.to_owned(),
            fallback,
            reached: 0,
        }
    }

    /// Reads one byte; whether the text now ends with the whole stop string.
    fn advance(&mut self, byte: u8) -> bool {
        let bytes = self.text.as_bytes();
        while self.reached > 0 && bytes[self.reached] != byte {
            self.reached = self.fallback[self.reached];
        }
        if bytes[self.reached] == byte {
            self.reached += 1;
        }
        self.reached == bytes.len()
    }
}
