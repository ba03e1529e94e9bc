//! Calls as Python writes them: `[name(key="value", ...), ...]`.

use serde_json::{Map, Number, Value};

/// A list of calls that is being read, behind its bracket. Each call is told when it is whole, since its
/// arguments become JSON.
#[derive(Debug, Clone)]
pub(super) struct PythonCall {
    /// What was read and not told.
    raw: String,
    /// The present call: its name, its bracket, its arguments.
    call: String,
    /// Brackets that are open within the call.
    depth: usize,
    /// The quote of a string that is open; and whether the last character was a backslash.
    quote: Option<(char, bool)>,
    /// Whether a call has just ended.
    between: bool,
}

/// What a character makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PythonStep {
    /// Not known yet.
    More,
    /// A call is whole: its name and its arguments in JSON.
    Call(String, String),
    /// The list has ended.
    End,
    /// It is no list of calls; what was told stays.
    Invalid,
}

/// Deepest value within values.
const MAX_DEPTH: usize = 32;

impl Default for PythonCall {
    fn default() -> Self {
        Self {
            raw: "[".to_owned(),
            call: String::new(),
            depth: 0,
            quote: None,
            between: false,
        }
    }
}

impl PythonCall {
    /// What was read and not told.
    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    /// Reads the next character; `known` says whether a tool of this name may be called.
    pub(super) fn step(&mut self, c: char, known: impl Fn(&str) -> bool) -> PythonStep {
        self.raw.push(c);
        if let Some((quote, escaped)) = self.quote {
            self.call.push(c);
            self.quote = match (escaped, c) {
                (false, c) if c == quote => None,
                (false, '\\') => Some((quote, true)),
                _ => Some((quote, false)),
            };
            return PythonStep::More;
        }
        if self.depth == 0 {
            return self.outside(c);
        }
        self.call.push(c);
        match c {
            '\'' | '"' => self.quote = Some((c, false)),
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth -= 1,
            _ => {}
        }
        if self.depth > 0 {
            return PythonStep::More;
        }
        let call = std::mem::take(&mut self.call);
        match read(&call) {
            Some((name, arguments)) if known(name) => {
                self.raw.clear();
                self.between = true;
                PythonStep::Call(name.to_owned(), Value::Object(arguments).to_string())
            }
            _ => PythonStep::Invalid,
        }
    }

    /// Reads a character of a name, or between calls.
    fn outside(&mut self, c: char) -> PythonStep {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match c {
            c if c.is_whitespace() && self.call.is_empty() => {}
            ']' if self.between => return PythonStep::End,
            ',' if self.between => self.between = false,
            c if name(c) && !self.between => self.call.push(c),
            '(' if !self.call.is_empty() => {
                self.call.push(c);
                self.depth = 1;
            }
            _ => return PythonStep::Invalid,
        }
        PythonStep::More
    }
}

/// The name and the arguments of a call.
fn read(call: &str) -> Option<(&str, Map<String, Value>)> {
    let (name, rest) = call.split_once('(')?;
    let mut reader = Reader {
        rest: rest.strip_suffix(')')?,
    };
    let mut arguments = Map::new();
    while !reader.is_empty() {
        let key = reader.word();
        if key.is_empty() || !reader.takes('=') {
            return None;
        }
        arguments.insert(key.to_owned(), reader.value(0)?);
        if !reader.takes(',') && !reader.is_empty() {
            return None;
        }
    }
    Some((name, arguments))
}

/// Literals of Python, and of JSON.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn is_empty(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    fn takes(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Letters, digits and signs of numbers.
    fn word(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let part = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c);
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.takes('[') {
            return self.list(']', depth);
        }
        if self.takes('(') {
            return self.list(')', depth);
        }
        if self.takes('{') {
            return self.object(depth);
        }
        for quote in ['"', '\''] {
            if self.takes(quote) {
                return self.string(quote).map(Value::String);
            }
        }
        match self.word() {
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            "None" | "null" => Some(Value::Null),
            number => number.parse::<Number>().ok().map(Value::Number),
        }
    }

    fn list(&mut self, close: char, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while !self.takes(close) {
            items.push(self.value(depth + 1)?);
            if !self.takes(',') {
                return self.takes(close).then_some(Value::Array(items));
            }
        }
        Some(Value::Array(items))
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut fields = Map::new();
        while !self.takes('}') {
            let Value::String(key) = self.value(depth + 1)? else {
                return None;
            };
            if !self.takes(':') {
                return None;
            }
            fields.insert(key, self.value(depth + 1)?);
            if !self.takes(',') {
                return self.takes('}').then_some(Value::Object(fields));
            }
        }
        Some(Value::Object(fields))
    }

    /// A string behind its quote.
    fn string(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next()? {
                c if c == quote => break,
                '\\' => match chars.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '\n' => {}
                    'u' => {
                        let digits: String = chars.by_ref().take(4).collect();
                        text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                    }
                    c @ ('\\' | '\'' | '"' | '/') => text.push(c),
                    c => {
                        text.push('\\');
                        text.push(c);
                    }
                },
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }
}
