//! [`ToolPiece`]: what a parser makes of a text.

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolPiece {
    /// Text that is no call.
    Text(String),
    /// A call begins.
    Call {
        /// Which one, from 0.
        index: usize,
        /// The tool's name.
        name: String,
    },
    /// More of a call's arguments, which are JSON when the call is whole.
    Arguments {
        /// Which call.
        index: usize,
        /// What they go on with.
        text: String,
    },
}

/// Appends text, to the last piece if that is text too.
pub(super) fn say(out: &mut Vec<ToolPiece>, c: char) {
    if let Some(ToolPiece::Text(text)) = out.last_mut() {
        text.push(c);
    } else {
        out.push(ToolPiece::Text(c.to_string()));
    }
}

/// Appends to the arguments of a call.
pub(super) fn argue(out: &mut Vec<ToolPiece>, index: usize, more: &str) {
    match out.last_mut() {
        Some(ToolPiece::Arguments { index: last, text }) if *last == index => text.push_str(more),
        _ => out.push(ToolPiece::Arguments {
            index,
            text: more.to_owned(),
        }),
    }
}
