//! PDF: the text of each page, in the order in which the file draws it.

use lopdf::Document as Pdf;

use super::text;
use crate::ingest::document::{Document, Section};

/// Most pages of a file.
const MAX_PAGES: usize = 5_000;
/// Most drawing of a page, in bytes once it is unpacked.
const MAX_PAGE: usize = 16 << 20;
/// Most text of a file, in bytes: a small file can unpack to any size.
const MAX_TEXT: usize = 64 << 20;

/// A section for each page that has text. A file without any is an error: it holds pictures of text,
/// or fonts that do not say which letters they draw.
pub(super) fn read(bytes: &[u8]) -> Result<Document, String> {
    let pdf =
        Pdf::load_mem(bytes).map_err(|error| format!("the file is no readable PDF: {error}"))?;
    if pdf.is_encrypted() {
        return Err("the file is encrypted; save it without a password".to_owned());
    }
    let pages = pdf.get_pages();
    if pages.len() > MAX_PAGES {
        return Err(format!(
            "the file has {} pages, but at most {MAX_PAGES} are read",
            pages.len()
        ));
    }
    let mut document = Document {
        title: title(&pdf),
        ..Document::default()
    };
    let mut size = 0_usize;
    for page in pages.into_keys() {
        let drawn = pdf
            .extract_text_with_limit(&[page], MAX_PAGE)
            .map_err(|error| format!("page {page} cannot be read: {error}"))?;
        size = size.saturating_add(drawn.len());
        if size > MAX_TEXT {
            return Err(format!("the file has more than {MAX_TEXT} bytes of text"));
        }
        for section in text::read(&drawn).sections {
            let blocks = section.blocks.into_iter().map(|mut block| {
                block.lines = None;
                block
            });
            document.sections.push(Section {
                page: Some(page),
                blocks: blocks.collect(),
                ..Section::default()
            });
        }
    }
    if document.sections.is_empty() {
        return Err(
            "the file has no text; pages that are pictures have to be recognised first".to_owned(),
        );
    }
    Ok(document)
}

/// The title in the file's own description, where it can be read.
fn title(pdf: &Pdf) -> Option<String> {
    let info = pdf.trailer.get(b"Info").ok()?;
    let info = match info.as_reference() {
        Ok(id) => pdf.get_object(id).ok()?,
        Err(_) => info,
    };
    let title = info.as_dict().ok()?.get(b"Title").ok()?;
    let title = lopdf::decode_text_string(title).ok()?;
    Some(title.trim().to_owned()).filter(|title| !title.is_empty())
}
