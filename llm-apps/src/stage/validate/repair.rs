//! Making an answer valid without asking a model again.

use serde_json::{Deserializer, Value};

use super::options::ValidateOptions;
use super::verdict::Breach;

/// Places in a text that are tried as the beginning of JSON.
const MAX_TRIES: usize = 64;

/// The text without what breaks the rule; `None` when that cannot be taken away, or nothing would be
/// left.
pub(super) fn repaired(options: &ValidateOptions, text: &str, breach: &Breach) -> Option<String> {
    let repaired = match (breach.cut, &options.json_schema) {
        (Some(cut), _) => text.get(..cut)?,
        (None, Some(schema)) if breach.rule == "json_schema" => {
            let mut parts = json_parts(text);
            let first = parts.next()?;
            let fits = |part: &&str| schema.fault(part).is_none();
            if fits(&first) {
                first
            } else {
                parts.find(fits)?
            }
        }
        (None, _) => return None,
    };
    (!repaired.trim().is_empty() && repaired != text).then(|| repaired.to_owned())
}

/// The objects and lists in a text, each as it is written, from the first on.
fn json_parts(text: &str) -> impl Iterator<Item = &str> {
    let mut behind = 0;
    let beginnings = text.match_indices(['{', '[']).take(MAX_TRIES);
    beginnings.filter_map(move |(start, _)| {
        // What stands inside of a part that was found belongs to it.
        if start < behind {
            return None;
        }
        let rest = &text[start..];
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        values.next()?.ok()?;
        behind = start + values.byte_offset();
        text.get(start..behind)
    })
}
