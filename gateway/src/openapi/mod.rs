//! `GET /openapi.json` and `GET /docs`: the surface described, and a page that shows the description.
//!
//! The request schemas are made from the tables that the parsers read (`openai/tables.rs`, `anthropic/tables.rs`), so
//! a field that is honoured is in the document and one that is refused is not, without anybody writing it twice. A
//! description by derive macros on the wire types (utoipa) was tried on paper and left: requests are parsed from JSON
//! values by tables, many fields have types of our own with hand-written visitors, and every annotation would have
//! repeated what a table says. What tables do not know stands beside them: the types of fields (`fields.json`), the
//! answers (`answers.json`), and which path is what (`operations`).
//!
//! The page is one file of our own without a script from elsewhere, so it works without a network.

mod document;
mod operations;
mod page;
mod schema;
#[cfg(test)]
mod tests;

pub(crate) use document::document;
pub(crate) use page::PAGE;
