//! Labels: texts that are one token each as the first of an answer, whose log-probabilities say which of
//! them the model would choose.

use engine::tokenizer::{EncodeOptions, Tokenizer};

use super::error::GenerateError;

/// Tokens of a prompt's end that are looked at: what stands before does not change how a label is cut.
const TAIL: usize = 64;

/// The token of each label where it follows a prompt of `ids`.
///
/// # Errors
/// [`GenerateError::Label`] names the first that is not a token of its own there.
pub(super) fn label_tokens(
    tokenizer: &Tokenizer,
    ids: &[u32],
    labels: &[String],
) -> Result<Vec<u32>, GenerateError> {
    // Texts on both sides of a special token are cut apart from each other.
    let special = ids.iter().rposition(|&id| tokenizer.is_special(id));
    let start = special.unwrap_or(0).max(ids.len().saturating_sub(TAIL));
    let tail = ids.get(start..).unwrap_or_default();
    let text = tokenizer.decode(tail, false);
    let options = EncodeOptions {
        add_special: false,
        parse_special: true,
    };
    let mut tokens = Vec::with_capacity(labels.len());
    for label in labels {
        let extended = tokenizer.encode(&format!("{text}{label}"), options)?;
        match extended.strip_prefix(tail) {
            Some(&[token]) if !tokens.contains(&token) => tokens.push(token),
            _ => {
                return Err(GenerateError::Label {
                    label: label.clone(),
                });
            }
        }
    }
    Ok(tokens)
}
