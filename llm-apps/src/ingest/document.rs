//! A document as it was read, whatever it was.

use crate::vector::Metadata;

/// One document: a file, or a line of a file of documents.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Document {
    /// What it calls itself.
    pub(super) title: Option<String>,
    /// What else its file says of it.
    pub(super) metadata: Metadata,
    pub(super) sections: Vec<Section>,
}

/// What stands under one heading, or on one page.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Section {
    /// The headings above it, outermost first.
    pub(super) headings: Vec<String>,
    /// The page, where there are pages; from 1.
    pub(super) page: Option<u32>,
    pub(super) blocks: Vec<Block>,
}

/// A paragraph, a list item, a row of a table, a block of code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Block {
    pub(super) text: String,
    /// First and last line in the file, from 1, where it has lines.
    pub(super) lines: Option<(u32, u32)>,
}

/// Collects blocks under the headings that are open.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Level and text of the open headings.
    open: Vec<(u8, String)>,
    pub(super) title: Option<String>,
    pub(super) sections: Vec<Section>,
}

impl Outline {
    /// A heading of a level begins a section; the first of level 1 is the document's title.
    pub(super) fn heading(&mut self, level: u8, text: &str) {
        let text = squeeze(text);
        if text.is_empty() {
            return;
        }
        if level == 1 && self.title.is_none() {
            self.title = Some(text.clone());
        }
        self.open.retain(|(open, _)| *open < level);
        self.open.push((level, text));
        self.begin();
    }

    /// A block under the open headings; blank ones are none.
    pub(super) fn block(&mut self, text: &str, lines: Option<(u32, u32)>) {
        let text = text
            .trim_matches(|c: char| c == '\n' || c == '\r')
            .trim_end();
        if text.trim().is_empty() {
            return;
        }
        if self.sections.is_empty() {
            self.begin();
        }
        if let Some(section) = self.sections.last_mut() {
            section.blocks.push(Block {
                text: text.to_owned(),
                lines,
            });
        }
    }

    /// The sections that hold something.
    pub(super) fn into_document(mut self) -> Document {
        self.sections.retain(|section| !section.blocks.is_empty());
        Document {
            title: self.title,
            metadata: Metadata::new(),
            sections: self.sections,
        }
    }

    fn begin(&mut self) {
        self.sections.push(Section {
            headings: self.open.iter().map(|(_, text)| text.clone()).collect(),
            ..Section::default()
        });
    }
}

/// Runs of white space as one space.
pub(super) fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
