//! A document as chunks that fit an encoder.
//!
//! Blocks are cut into sentences, and sentences are packed into chunks up to the size; a chunk begins
//! with the last sentences of the one before it, up to the overlap, so that what belongs together is
//! together in one of them. A chunk never crosses a section. A sentence that is longer than a chunk
//! is cut between words, and a word that is longer between characters.

use super::document::{Document, Section};

/// How long chunks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSize {
    /// In what sizes are counted.
    pub unit: ChunkUnit,
    /// Longest chunk, from 8 to 1,000,000. Default: 200.
    pub size: usize,
    /// How much of the chunk before a chunk repeats, at most half of the size. Default: 30.
    pub overlap: usize,
}

/// In what sizes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkUnit {
    /// The encoder's tokens.
    Tokens,
    /// Characters.
    Characters,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) headings: Vec<String>,
    pub(super) page: Option<u32>,
    pub(super) lines: Option<(u32, u32)>,
    pub(super) text: String,
}

/// Counts a text; the text says what went wrong.
pub(super) type Count<'c> = dyn Fn(&str) -> Result<usize, String> + 'c;

impl Default for ChunkSize {
    fn default() -> Self {
        Self {
            unit: ChunkUnit::Tokens,
            size: 200,
            overlap: 30,
        }
    }
}

impl ChunkSize {
    pub(super) fn prove(&self) -> Result<(), String> {
        let Self { size, overlap, .. } = *self;
        if !(8..=1_000_000).contains(&size) {
            return Err(format!(
                "the size of a chunk must be from 8 to 1000000, but is {size}"
            ));
        }
        if overlap > size / 2 {
            return Err(format!(
                "the overlap of chunks must be at most half of their size, {}, but is {overlap}",
                size / 2
            ));
        }
        Ok(())
    }
}

/// A sentence, or as much of one as fits.
struct Piece<'t> {
    text: &'t str,
    size: usize,
    lines: Option<(u32, u32)>,
    /// Whether a block begins here.
    begins: bool,
}

/// Cuts a document.
pub(super) fn chunks(
    document: &Document,
    size: &ChunkSize,
    count: &Count<'_>,
) -> Result<Vec<Chunk>, String> {
    let mut chunks = Vec::new();
    for section in &document.sections {
        let pieces = pieces(section, size.size, count)?;
        let mut start = 0;
        while start < pieces.len() {
            let end = start + fitting(pieces[start..].iter(), size.size).max(1);
            chunks.push(join(section, &pieces[start..end]));
            if end == pieces.len() {
                break;
            }
            let repeated = fitting(pieces[start..end].iter().rev(), size.overlap);
            // What comes after what is repeated has to fit as well, or nothing would be gained.
            let room = size.size.saturating_sub(pieces[end].size);
            let repeated = repeated.min(fitting(pieces[start..end].iter().rev(), room));
            start = end - repeated.min(end - start - 1);
        }
    }
    Ok(chunks)
}

/// How many of these pieces have the size together.
fn fitting<'p, 't: 'p>(pieces: impl Iterator<Item = &'p Piece<'t>>, size: usize) -> usize {
    let mut left = size;
    let fits = pieces.map_while(|piece| {
        left = left.checked_sub(piece.size)?;
        Some(())
    });
    fits.count()
}

fn join(section: &Section, pieces: &[Piece<'_>]) -> Chunk {
    let mut text = String::new();
    let mut lines: Option<(u32, u32)> = None;
    for piece in pieces {
        if !text.is_empty() && piece.begins {
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text.push_str(piece.text);
        lines = match (lines, piece.lines) {
            (Some(all), Some(these)) => Some((all.0.min(these.0), all.1.max(these.1))),
            (all, these) => all.or(these),
        };
    }
    text.truncate(text.trim_end().len());
    Chunk {
        headings: section.headings.clone(),
        page: section.page,
        lines,
        text,
    }
}

fn pieces<'t>(
    section: &'t Section,
    most: usize,
    count: &Count<'_>,
) -> Result<Vec<Piece<'t>>, String> {
    let mut pieces = Vec::new();
    for block in &section.blocks {
        let mut begins = true;
        let mut line = block.lines.map(|(first, _)| first);
        for sentence in sentences(&block.text) {
            let breaks = u32::try_from(sentence.matches('\n').count()).unwrap_or(u32::MAX);
            let last_of_block = block.lines.map(|(_, last)| last);
            let lines = line.zip(last_of_block).map(|(first, last)| {
                let first = first.min(last);
                let trailing = u32::from(sentence.ends_with('\n'));
                (
                    first,
                    first
                        .saturating_add(breaks - trailing.min(breaks))
                        .min(last),
                )
            });
            line = line.map(|line| line.saturating_add(breaks));
            cut(sentence, most, count, &mut |text, size| {
                pieces.push(Piece {
                    text,
                    size,
                    lines,
                    begins,
                });
                begins = false;
            })?;
        }
    }
    Ok(pieces)
}

/// A block's sentences with the white space behind them. One ends at a line's end, or at a full stop
/// or its like before a space.
fn sentences(block: &str) -> impl Iterator<Item = &str> {
    let mut rest = block;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = sentence_end(rest);
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence)
    })
}

fn sentence_end(text: &str) -> usize {
    let mut ends = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = at + c.len_utf8();
        match c {
            '\n' => return after,
            // Scripts that are written without spaces have full stops of their own.
            '。' | '！' | '？' => return after,
            '.' | '!' | '?' | '…' => ends = true,
            '"' | '\'' | ')' | ']' | '”' | '’' | '»' => {}
            c if c.is_whitespace() && ends => {
                let next = chars.peek().map(|(_, next)| *next);
                if next.is_none_or(|next| !next.is_whitespace() && !next.is_lowercase()) {
                    return after;
                }
            }
            _ => ends = false,
        }
    }
    text.len()
}

/// Gives a text as a whole if it fits, else halves of it, cut at the space next to the middle, or in
/// the middle where there is none.
fn cut<'t>(
    text: &'t str,
    most: usize,
    count: &Count<'_>,
    give: &mut dyn FnMut(&'t str, usize),
) -> Result<(), String> {
    let mut waiting = vec![text];
    while let Some(text) = waiting.pop() {
        let size = count(text)?;
        let mut middle = text.len() / 2;
        while !text.is_char_boundary(middle) {
            middle -= 1;
        }
        let behind = |space: usize| space + text[space..].chars().next().map_or(1, char::len_utf8);
        let before = text[..middle].trim_end().rfind(char::is_whitespace);
        let after = || {
            text[middle..]
                .find(char::is_whitespace)
                .map(|at| middle + at)
        };
        if let Some(space) = before
            .or_else(after)
            .map(behind)
            .filter(|at| *at < text.len())
        {
            middle = space;
        }
        if size <= most || middle == 0 {
            give(text, size);
        } else {
            let (first, second) = text.split_at(middle);
            waiting.push(second);
            waiting.push(first);
        }
    }
    Ok(())
}
