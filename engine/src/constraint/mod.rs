//! Answers of a given form: JSON by a schema, a regular expression, one of some texts, a grammar.
//!
//! llguidance keeps the form: it reads a grammar, and says after each token which tokens may come next.
//! What stands here is what a server needs around it:
//!
//! - [`Grammar`]: a form as a client wrote it, with a bounded size, and of JSON Schema only what can be
//!   kept (`schema`). GBNF is rewritten into Lark (`gbnf`).
//! - [`Part`]: a form that is put together from texts, tokens and other forms, such as calls of tools.
//! - [`GrammarCompiler`]: one for each model. It holds the model's tokens as a tree (`vocabulary`), made
//!   when they are first needed, and the grammars used last. Compiling is work of milliseconds to
//!   seconds: it belongs on a thread that may take its time.
//! - [`CompiledGrammar`]: what requests share, and never changes.
//! - [`Matcher`]: where one answer stands in its grammar. Its state is a function of the grammar and of
//!   the tokens taken so far (DESIGN idea 1), so that it is rebuilt by replaying them. Each answer has
//!   its own, caches and all: whether one fails does not depend on others (E9).
//!
//! Memory and time are bounded by the sizes of [`Grammar`], by the number of grammars kept, and by
//! llguidance's own counts of states and items, which are the same on every machine: an answer whose
//! form grows beyond them ends in an error of its own.

mod cache;
mod compiler;
mod error;
mod gbnf;
mod grammar;
mod matcher;
mod parts;
mod schema;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use compiler::GrammarCompiler;
pub use error::{GrammarError, MaskError};
pub use grammar::{Grammar, GrammarKind};
pub use matcher::CompiledGrammar;
pub(crate) use matcher::Matcher;
pub use parts::Part;
