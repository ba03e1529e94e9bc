//! HTML: what a reader of the page would read, under its headings.

use ego_tree::iter::Edge;
use scraper::{Html, Node};

use crate::ingest::document::{Document, Outline, squeeze};

/// Elements whose content is not the page's text.
const LEFT_OUT: &[&str] = &[
    "button", "head", "iframe", "nav", "noscript", "script", "select", "style", "svg", "template",
];

/// Elements inside of a line; all others end a block.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
    "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strong",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
];

/// The document under its headings; the page's title is the document's.
pub(super) fn read(text: &str) -> Document {
    let page = Html::parse_document(text);
    let mut reader = Reader::default();
    let mut title = None;
    // The tree is walked without recursion: pages nest as deep as they like.
    for edge in page.tree.root().traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(element) => {
                    if element.name() == "title" && title.is_none() {
                        let text: String = node
                            .children()
                            .filter_map(|child| {
                                child.value().as_text().map(|text| text.to_string())
                            })
                            .collect();
                        title = Some(squeeze(&text)).filter(|title| !title.is_empty());
                    }
                    reader.open(element.name());
                }
                Node::Text(text) => reader.text(text),
                Node::Document
                | Node::Fragment
                | Node::Doctype(_)
                | Node::Comment(_)
                | Node::ProcessingInstruction(_) => {}
            },
            Edge::Close(node) => {
                if let Node::Element(element) = node.value() {
                    reader.close(element.name());
                }
            }
        }
    }
    reader.flush();
    let mut document = reader.outline.into_document();
    document.title = title.or(document.title);
    document
}

#[derive(Default)]
struct Reader {
    outline: Outline,
    text: String,
    /// Open elements that are left out.
    left_out: usize,
    /// Open elements whose white space counts.
    verbatim: usize,
}

impl Reader {
    fn open(&mut self, name: &str) {
        if LEFT_OUT.contains(&name) {
            self.left_out += 1;
        } else if name == "br" {
            self.text.push('\n');
        } else if matches!(name, "td" | "th") {
            if !self.text.trim().is_empty() {
                self.text.push_str(" | ");
            }
        } else if !INLINE.contains(&name) {
            self.flush();
        }
        if name == "pre" {
            self.verbatim += 1;
        }
    }

    fn close(&mut self, name: &str) {
        if LEFT_OUT.contains(&name) {
            self.left_out = self.left_out.saturating_sub(1);
        } else if let Some(level) = heading(name) {
            let text = std::mem::take(&mut self.text);
            self.outline.heading(level, &text);
        } else if !INLINE.contains(&name) && !matches!(name, "br" | "td" | "th") {
            self.flush();
        }
        if name == "pre" {
            self.verbatim = self.verbatim.saturating_sub(1);
        }
    }

    fn text(&mut self, text: &str) {
        if self.left_out > 0 {
            return;
        }
        if self.verbatim > 0 {
            self.text.push_str(text);
            return;
        }
        for part in text.split_inclusive(char::is_whitespace) {
            let word = part.trim_end();
            self.text.push_str(word);
            if word.len() < part.len() && !self.text.ends_with([' ', '\n']) {
                self.text.push(' ');
            }
        }
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = if self.verbatim > 0 {
            &text
        } else {
            text.trim()
        };
        self.outline.block(text, None);
    }
}

fn heading(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}
