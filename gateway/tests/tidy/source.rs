//! The workspace's Rust files, read once and looked at as text.

use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file of the workspace.
pub(crate) struct Source {
    /// Path from the workspace's root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl Source {
    /// The crate's folder: `engine`, `llm-apps`, `gateway` or `loadtest`.
    pub(crate) fn crate_dir(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    /// The room inside the crate's `src/`: a folder or a file without `.rs`; none elsewhere.
    pub(crate) fn room(&self) -> Option<&str> {
        let inside = self
            .path
            .strip_prefix(self.crate_dir())?
            .strip_prefix("/src/")?;
        Some(inside.split('/').next().unwrap().trim_end_matches(".rs"))
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.contains("/benches/")
            || self.path.ends_with("/tests.rs")
    }

    /// Lines of code outside comments and before an inline test module, with their numbers.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .take_while(|(_, line)| *line != "#[cfg(test)]")
            .filter(|(_, line)| !line.starts_with("//"))
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Every Rust file of the four crates, in order of path.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for member in ["engine", "llm-apps", "gateway", "loadtest"] {
        collect(&root().join(member), &mut found);
    }
    assert!(found.len() > 20, "the tidy test looks in the wrong place");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap();
            if name != "target" && name != "node_modules" {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

/// Fails with all faults at once.
pub(crate) fn report(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}
