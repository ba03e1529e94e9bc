//! Merges of a SentencePiece vocabulary, which lists scores instead.
//!
//! SentencePiece's BPE joins the neighbours whose joint has the highest score, so every way to write
//! a token as two others is a merge, ranked by the token's score; equal scores prefer the longer left
//! part, as `transformers` does when it converts such a vocabulary (`generate_merges`).

use std::cmp::Reverse;
use std::collections::HashMap;

/// Longest token that is looked at, in bytes. Real ones stay below 130; without a limit a corrupt
/// file could make the number of ways to cut a token grow without bound.
const MAX_TOKEN_BYTES: usize = 512;

/// All merges of `tokens`, best first, as texts of the two parts. Only tokens for which `takes_part`
/// holds are made or used by a merge.
pub(super) fn merges_from_scores(
    tokens: &[&str],
    scores: &[f32],
    takes_part: impl Fn(usize) -> bool,
) -> Vec<(String, String)> {
    let ids: HashMap<&str, usize> = (0..tokens.len())
        .filter(|&id| takes_part(id) && !tokens[id].is_empty())
        .map(|id| (tokens[id], id))
        .collect();
    let mut found = Vec::new();
    for (&token, &id) in ids
        .iter()
        .filter(|(token, _)| token.len() <= MAX_TOKEN_BYTES)
    {
        let cuts = token.char_indices().skip(1).enumerate();
        for (left_characters, (at, _)) in cuts {
            let (left, right) = token.split_at(at);
            if ids.contains_key(left) && ids.contains_key(right) {
                found.push((id, left_characters, left, right));
            }
        }
    }
    found.sort_by(|a, b| {
        let (score_a, score_b) = (scores[a.0], scores[b.0]);
        let rest =
            |x: &(usize, usize, &str, &str)| (Reverse(x.1), Reverse(x.3.chars().count()), x.0);
        score_b
            .total_cmp(&score_a)
            .then_with(|| rest(a).cmp(&rest(b)))
    });
    found
        .into_iter()
        .map(|(_, _, left, right)| (left.to_owned(), right.to_owned()))
        .collect()
}
