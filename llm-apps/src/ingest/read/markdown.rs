//! Markdown (CommonMark with tables): headings make the outline, markup goes, text stays.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::lines::Lines;
use crate::ingest::document::{Document, Outline};

/// The document under its headings.
pub(super) fn read(text: &str) -> Document {
    let lines = Lines::of(text);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.event(event, lines.range(&range));
    }
    reader.flush();
    reader.outline.into_document()
}

#[derive(Default)]
struct Reader {
    outline: Outline,
    text: String,
    /// First and last line of what was collected.
    lines: Option<(u32, u32)>,
    /// Inside of front matter, which is no text.
    front_matter: bool,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, lines: (u32, u32)) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.add(&text, lines),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.add(&text, lines);
            }
            Event::SoftBreak | Event::HardBreak => self.add("\n", lines),
            Event::Rule => self.flush(),
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Link { .. }
            | Tag::Image { .. }
            | Tag::Superscript
            | Tag::Subscript => {}
            Tag::TableCell => self.separate(),
            Tag::MetadataBlock(_) => {
                self.flush();
                self.front_matter = true;
            }
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
            | Tag::List(_)
            | Tag::Item
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow => self.flush(),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let text = std::mem::take(&mut self.text);
                self.lines = None;
                self.outline.heading(number(level), &text);
            }
            TagEnd::MetadataBlock(_) => self.front_matter = false,
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::TableCell => {}
            TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Table
            | TagEnd::TableHead
            | TagEnd::TableRow => self.flush(),
        }
    }

    fn add(&mut self, text: &str, lines: (u32, u32)) {
        if self.front_matter {
            return;
        }
        self.text.push_str(text);
        let (first, last) = self.lines.unwrap_or(lines);
        self.lines = Some((first.min(lines.0), last.max(lines.1)));
    }

    /// A space between two cells of a table.
    fn separate(&mut self) {
        if !self.text.is_empty() {
            self.text.push_str(" | ");
        }
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let lines = self.lines.take();
        self.outline.block(&text, lines);
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
