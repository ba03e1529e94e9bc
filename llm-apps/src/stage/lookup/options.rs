//! What is looked for, and where.

use super::filter::FilterTemplate;
use crate::payload::{Kind, Signature, names};

/// A search in a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct LookupOptions {
    /// The collection, one of the configuration's.
    pub collection: String,
    /// By what is searched. Default: both, of the variable `question`.
    pub by: LookupBy,
    /// Which passages may be found. Default: all.
    pub filter: Option<FilterTemplate>,
    /// Passages at most. Default: 5.
    pub top_k: usize,
    /// The variable that is written. Default: `passages`.
    pub output: String,
}

/// By what is searched.
#[derive(Debug, Clone, PartialEq)]
pub enum LookupBy {
    /// `dense`: by meaning.
    Dense(LookupNear),
    /// `sparse`: by the words of this variable.
    Sparse(String),
    /// `hybrid`: by meaning and by the words of this variable; the two lists are fused by ranks.
    Hybrid(LookupNear, String),
}

/// The search by meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct LookupNear {
    /// What is compared.
    pub vector: LookupVector,
    /// Cosine similarity below which meaning finds nothing; words are not held to it. Default: none.
    pub score_threshold: Option<f32>,
}

/// Where the vector of the question comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupVector {
    /// The collection's encoder makes it of the text in this variable.
    Of(String),
    /// It is in this variable, made by an `embed` with the encoder of the collection.
    Variable(String),
}

impl LookupOptions {
    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        let mut signature = Signature::default();
        for template in self.filter.iter().flat_map(FilterTemplate::templates) {
            for name in template.names() {
                let kind = match name.as_str() {
                    names::QUESTION => Kind::Text,
                    _ => Kind::Any,
                };
                signature = signature.reads(name, kind);
            }
        }
        if let LookupBy::Dense(near) | LookupBy::Hybrid(near, _) = &self.by {
            signature = match &near.vector {
                LookupVector::Of(text) => signature.reads(text, Kind::Text),
                LookupVector::Variable(vector) => signature.reads(vector, Kind::List),
            };
        }
        if let LookupBy::Sparse(text) | LookupBy::Hybrid(_, text) = &self.by {
            signature = signature.reads(text, Kind::Text);
        }
        signature.writes(&self.output, Kind::Passages)
    }
}
