//! [`Scan`]: where a value of JSON ends, character by character.
//!
//! It is lenient: what stands between brackets that fit is passed on, right or not, since a client can do
//! more with it than with the beginning of it.

/// A value that is being read.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// The brackets that are open, by what closes them.
    open: Vec<char>,
    /// Within a string; and whether the last character was a backslash.
    string: Option<bool>,
    /// Neither an object, a list nor a string.
    scalar: bool,
}

/// What a character means to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanned {
    /// It is part of it.
    Inside,
    /// It is the last of it.
    Last,
    /// The value ended before it.
    Behind,
    /// No value goes on like this.
    Broken,
}

impl Scan {
    /// A value that begins with `c`, if one can.
    pub(super) fn begin(c: char) -> Option<Self> {
        let mut scan = Self {
            open: Vec::new(),
            string: None,
            scalar: false,
        };
        match c {
            '{' => scan.open.push('}'),
            '[' => scan.open.push(']'),
            '"' => scan.string = Some(false),
            c if c.is_ascii_alphanumeric() || c == '-' => scan.scalar = true,
            _ => return None,
        }
        Some(scan)
    }

    /// Reads the next character.
    pub(super) fn step(&mut self, c: char) -> Scanned {
        if let Some(escaped) = self.string {
            self.string = match (escaped, c) {
                (false, '"') => None,
                (false, '\\') => Some(true),
                _ => Some(false),
            };
            return self.so_far();
        }
        match c {
            c if c.is_ascii_alphanumeric() || "+-._".contains(c) => Scanned::Inside,
            _ if self.scalar => Scanned::Behind,
            '"' => {
                self.string = Some(false);
                Scanned::Inside
            }
            '{' => self.nest('}'),
            '[' => self.nest(']'),
            '}' | ']' => {
                if self.open.pop() != Some(c) {
                    return Scanned::Broken;
                }
                self.so_far()
            }
            ':' | ',' | '\'' | '(' | ')' => Scanned::Inside,
            c if c.is_whitespace() => Scanned::Inside,
            _ => Scanned::Broken,
        }
    }

    fn nest(&mut self, close: char) -> Scanned {
        self.open.push(close);
        Scanned::Inside
    }

    fn so_far(&self) -> Scanned {
        if self.open.is_empty() && self.string.is_none() {
            Scanned::Last
        } else {
            Scanned::Inside
        }
    }
}
