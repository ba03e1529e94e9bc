//! `${VAR}` and `${VAR:-default}` in scalars. `$${` stands for a plain `${`. Keys are left alone.

use std::collections::BTreeMap;

use super::fault::Faults;
use super::node::{Node, Value};

/// Replaces variables in every text below `node`; a variable that is neither set nor has a default
/// is a fault. As in shells, `:-` takes the default also for a variable that is set but empty.
pub(super) fn interpolate(node: &mut Node, vars: &BTreeMap<String, String>, faults: &mut Faults) {
    match &mut node.value {
        Value::Text(written) if written.contains("${") => match expand(written, vars) {
            Ok(text) => {
                node.value = Value::Expanded {
                    written: std::mem::take(written),
                    text,
                }
            }
            Err(message) => {
                faults.note(node.at, message);
                node.value = Value::Faulty;
            }
        },
        Value::List(list) => {
            for item in list {
                interpolate(item, vars, faults);
            }
        }
        Value::Map(map) => {
            for (_, value) in map {
                interpolate(value, vars, faults);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Expanded { .. }
        | Value::Faulty => {}
    }
}

fn expand(text: &str, vars: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inside, behind) = after.split_once('}').ok_or_else(|| {
            "`${` has no `}`; write ${NAME}, ${NAME:-default}, or $${ for a plain ${".to_owned()
        })?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_variable_name(name) {
            return Err(format!(
                "`{}` is not the name of a variable; write ${{NAME}} or ${{NAME:-default}}",
                name.escape_debug()
            ));
        }
        match (
            vars.get(name)
                .filter(|value| default.is_none() || !value.is_empty()),
            default,
        ) {
            (Some(value), _) => out.push_str(value),
            (None, Some(default)) => out.push_str(default),
            (None, None) => {
                return Err(format!(
                    "the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
                ));
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_in_shells() {
        let vars = BTreeMap::from([
            ("PORT".to_owned(), "9000".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        let cases = [
            ("${PORT}", Ok("9000")),
            ("a ${PORT} b ${PORT:-1}", Ok("a 9000 b 9000")),
            ("${HOST:-127.0.0.1}", Ok("127.0.0.1")),
            ("${HOST:-}", Ok("")),
            ("${EMPTY}", Ok("")),
            ("${EMPTY:-full}", Ok("full")),
            ("$${PORT} costs $5", Ok("${PORT} costs $5")),
            ("${HOST}", Err("the environment variable HOST is not set")),
            ("${PORT", Err("`${` has no `}`")),
            ("${P-X}", Err("`P-X` is not the name")),
            ("${}", Err("`` is not the name")),
        ];
        for (text, expected) in cases {
            match (expand(text, &vars), expected) {
                (Ok(out), Ok(expected)) => assert_eq!(out, expected, "{text}"),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
                (out, expected) => panic!("{text}: {out:?}, expected {expected:?}"),
            }
        }
    }
}
