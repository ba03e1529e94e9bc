//! What the sections of several stages hold.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::spec::node::{Node, Value};
use crate::spec::read;
use crate::template::PromptTemplate;

/// Largest file that a stage's section names, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The name of a variable.
pub(super) fn variable(node: &Node) -> Result<String, read::Expected> {
    let expected =
        || "a name of letters, digits and _ that begins with none of the digits".to_owned();
    let name = read::text(node).map_err(|_| expected())?;
    let fits = name.len() <= 64
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits { Ok(name) } else { Err(expected()) }
}

/// A text, or a list of texts.
pub(super) fn texts(node: &Node) -> Result<Vec<String>, read::Expected> {
    match &node.value {
        Value::List(list) => list
            .iter()
            .map(|item| read::text(item).map_err(|_| "a text or a list of texts".to_owned()))
            .collect(),
        _ => Ok(vec![
            read::text(node).map_err(|_| "a text or a list of texts".to_owned())?,
        ]),
    }
}

/// A number as the engine takes it. A positive one stays positive, so that a range that excludes 0 still
/// holds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "small ranges; rounding is meant"
)]
pub(super) fn single(value: f64) -> f32 {
    let rounded = value as f32;
    if value > 0.0 {
        rounded.max(f32::MIN_POSITIVE)
    } else {
        rounded
    }
}

/// A template: its path in a folder `prompts`, inside of the configuration's `folder` or beside that, or
/// its path from the configuration's folder on.
pub(super) fn template(node: &Node, folder: &Path) -> Result<PromptTemplate, read::Expected> {
    let name = read::text(node).map_err(|_| "the path of a template in prompts/".to_owned())?;
    // Whoever may send a configuration must not have any file of the machine read back by a model.
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(&name).components().all(stays) {
        return Err(
            "the path of a template in prompts/, without `..` and from no root on".to_owned(),
        );
    }
    let inside = folder.join("prompts").join(&name);
    let beside = folder.join("..").join("prompts").join(&name);
    let source = file(&[&inside, &beside, &folder.join(&name)])
        .map_err(|reason| format!("the path of a template in prompts/ ({reason})"))?;
    PromptTemplate::new(&name, &source)
        .map_err(|error| format!("a template that can be used ({error})"))
}

/// The text of the first of these files that is there.
pub(super) fn file(candidates: &[&PathBuf]) -> Result<String, String> {
    let Some(path) = candidates.iter().find(|path| path.is_file()) else {
        let tried: Vec<_> = candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(format!("there is none at {}", tried.join(", ")));
    };
    let unread = |reason: String| format!("{} cannot be read: {reason}", path.display());
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text))
        .map_err(|error| unread(error.to_string()))?;
    if read as u64 > MAX_FILE {
        return Err(unread(format!("it is larger than {MAX_FILE} bytes")));
    }
    Ok(text)
}
