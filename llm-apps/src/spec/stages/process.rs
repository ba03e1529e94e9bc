//! `process`: code in any language.
//!
//! ```yaml
//! process:
//!   command: [python3, workers/score.py]   # speaks JSON lines; see docs of `stage::process`
//!   folder: .                              # where it runs, from this file's folder on
//!   env: {MODE: fast}                      # beside the server's own environment
//!   reads: [question]                      # the variables that it is sent
//!   writes: [score]                        # the variables that it answers with
//!   ready: line                            # takes requests once it writes {"ready": true}
//!   start_timeout_s: 60                    # for that line
//!   timeout_s: 30
//!   max_line_bytes: 1MiB
//! ```

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use std::path::Path;
use std::time::Duration;

use super::common::{texts, variable};
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::node::{Node, Value};
use crate::spec::read;
use crate::spec::section::Section;
use crate::spec::size::ByteSize;
use crate::stage::process::{ProcessOptions, Readiness};

/// For a child that loads a model first.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_LINE: usize = 1 << 20;
/// What stages read and none writes.
const SERVERS: [&str; 2] = [names::REQUEST, names::USER_CONFIG];

/// Reads the section `path`; `folder` is the configuration's.
pub(super) fn read(
    path: &str,
    node: &Node,
    folder: &Path,
    faults: &mut Faults,
) -> Option<ProcessOptions> {
    let before = faults.list.len();
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let command = keys.require("command", "command: [python3, worker.py]", f, |node| {
        let command = texts(node)?;
        if command.is_empty() {
            return Err("a program and its arguments".to_owned());
        }
        Ok(command)
    });
    let reads = keys.require("reads", "reads: [question]", f, variables);
    let writes = keys.require("writes", "writes: [answer]", f, |node| {
        let writes = variables(node)?;
        match writes.iter().find(|name| SERVERS.contains(&name.as_str())) {
            Some(name) => Err(format!(
                "a list of variables; `{name}` is the server's and stays"
            )),
            None => Ok(writes),
        }
    });
    let within = keys.take("folder", f, |node| {
        let folder = folder.join(read::text(node)?);
        if folder.is_dir() {
            Ok(folder)
        } else {
            Err(format!("a folder (there is none at {})", folder.display()))
        }
    });
    let env = keys.node("env");
    let env = env.map(|node| self::env(&keys.path("env"), node, f));
    let timeout = keys.take("timeout_s", f, read::seconds(0.001..=86_400.0));
    let max_line_bytes = keys.take("max_line_bytes", f, read::size(ByteSize(64)));
    let says_so = keys.take("ready", f, |node| match read::text(node) {
        Ok(text) if text == "line" => Ok(()),
        _ => Err("`line`: the child writes {\"ready\": true} when it takes requests".to_owned()),
    });
    let start_timeout = keys.take("start_timeout_s", f, |node| {
        let within = read::seconds(0.001..=86_400.0)(node)?;
        if says_so.is_none() {
            return Err("beside `ready: line`, whose time it is".to_owned());
        }
        Ok(within)
    });
    keys.finish(f);
    let options = ProcessOptions {
        command: command?,
        folder: within.unwrap_or_else(|| folder.to_owned()),
        env: env.unwrap_or_default(),
        reads: reads?,
        writes: writes?,
        readiness: says_so.map_or_else(Readiness::default, |()| {
            Readiness::SaysSo(start_timeout.unwrap_or(START_TIMEOUT))
        }),
        timeout: timeout.unwrap_or(TIMEOUT),
        max_line_bytes: max_line_bytes.unwrap_or(MAX_LINE),
    };
    (f.list.len() == before).then_some(options)
}

/// A list of variables, which may be empty.
fn variables(node: &Node) -> Result<Vec<String>, read::Expected> {
    let Value::List(list) = &node.value else {
        return Err("a list of variables".to_owned());
    };
    let mut names = Vec::new();
    for item in list {
        let name = variable(item).map_err(|name| format!("a list of variables, each {name}"))?;
        if names.contains(&name) {
            return Err(format!("a list of variables; `{name}` is there twice"));
        }
        names.push(name);
    }
    Ok(names)
}

fn env(path: &str, node: &Node, f: &mut Faults) -> Vec<(String, String)> {
    let Value::Map(map) = &node.value else {
        let message = format!(
            "`{path}` must hold names and values, but is {}",
            node.shown()
        );
        f.note(node.at, message);
        return Vec::new();
    };
    let mut env = Vec::new();
    for (key, value) in map {
        let name = match &key.value {
            Value::Text(name) if !name.is_empty() && !name.contains(['=', '\0']) => name,
            _ => {
                f.note(
                    key.at,
                    format!("`{path}`: {} is no name of a variable", key.shown()),
                );
                continue;
            }
        };
        match read::text(value).ok().filter(|text| !text.contains('\0')) {
            Some(text) => env.push((name.clone(), text)),
            None => {
                let message = format!("`{path}.{name}` must be a text, but is {}", value.shown());
                f.note(value.at, message);
            }
        }
    }
    env
}
