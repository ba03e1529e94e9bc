//! The page that shows the document.

/// Reads `openapi.json` beside it, and nothing else.
pub(crate) const PAGE: &str = include_str!("page.html");
