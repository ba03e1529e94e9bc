//! Plain text: paragraphs between blank lines.

use crate::ingest::document::{Document, Outline};

/// Every paragraph is a block.
pub(super) fn read(text: &str) -> Document {
    let mut outline = Outline::default();
    let (mut block, mut first) = (String::new(), 1);
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        if line.trim().is_empty() {
            outline.block(&block, Some((first, number - 1)));
            block.clear();
            continue;
        }
        if block.is_empty() {
            first = number;
        } else {
            block.push('\n');
        }
        block.push_str(line);
    }
    outline.block(&block, Some((first, number)));
    outline.into_document()
}
