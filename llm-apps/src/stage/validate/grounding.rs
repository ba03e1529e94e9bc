//! How much of an answer stands in the passages.
//!
//! This compares words; it understands nothing. An answer that says the opposite of a passage in the
//! passage's words is grounded, and one that says the same in other words is not. It catches answers that
//! are about something else, and names and figures that stand nowhere.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use crate::payload::{Passage, names};

/// The share of an answer's content that must stand in the passages.
///
/// Content are words of four letters and more, everything with a digit, and each sign of scripts that
/// have no capital letters and mostly no spaces; `ngram` of them in a row count as one. Case does not
/// count, and the passages are one text, in their order. An answer without content is grounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Grounding {
    /// From 0 to 1.
    pub threshold: f64,
    /// Words in a row that are looked for together, 1 or more. Default: 1.
    pub ngram: usize,
    /// The variable that holds the passages. Default: `passages`.
    pub passages: String,
}

impl Default for Grounding {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            ngram: 1,
            passages: names::PASSAGES.to_owned(),
        }
    }
}

impl Grounding {
    /// What is wrong with an answer, if too little of it stands in `passages`.
    pub(super) fn fault(&self, answer: &str, passages: &[Passage]) -> Option<String> {
        let said = content(answer);
        let there: Vec<String> = passages.iter().flat_map(|p| content(&p.text)).collect();
        let together = self.ngram.min(said.len()).max(1);
        let said: HashSet<&[String]> = said.windows(together).collect();
        let there: HashSet<&[String]> = there.windows(together).collect();
        let found = said.iter().filter(|words| there.contains(*words)).count();
        #[expect(
            clippy::cast_precision_loss,
            reason = "answers have fewer words than 2^53"
        )]
        let share = if said.is_empty() {
            1.0
        } else {
            found as f64 / said.len() as f64
        };
        if share >= self.threshold {
            return None;
        }
        let mut missing: Vec<String> = said
            .iter()
            .filter(|words| !there.contains(*words))
            .map(|words| words.join(" "))
            .collect();
        missing.sort();
        missing.truncate(SHOWN);
        Some(format!(
            "{found} of {} content words of the answer stand in the passages, which is {share:.2} and below \
             {}; missing are for example {}",
            said.len(),
            self.threshold,
            missing.join(", ")
        ))
    }
}

/// Missing words that a reason shows.
const SHOWN: usize = 8;

/// The content of a text, in its order.
fn content(text: &str) -> Vec<String> {
    let words = text.unicode_words().map(str::to_lowercase);
    words.filter(|word| is_content(word)).collect()
}

fn is_content(word: &str) -> bool {
    let caseless = |c: char| c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase();
    word.chars().any(|c| c.is_numeric() || caseless(c)) || word.chars().count() >= 4
}
