//! Small rooms: size, a sentence at the door, and folders whose `mod.rs` only lists them.

use crate::source::{report, sources};

#[test]
fn a_file_is_one_room_of_at_most_500_lines() {
    let faults: Vec<_> = sources()
        .iter()
        .map(|s| (s.text.lines().count(), &s.path))
        .filter(|(lines, _)| *lines > 500)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    report(
        "split these files; a reader keeps 500 lines in mind at most",
        &faults,
    );
}

#[test]
fn a_file_says_what_it_is_for() {
    let faults: Vec<_> = sources()
        .iter()
        .filter(|s| !s.text.starts_with("//! "))
        .map(|s| s.path.clone())
        .collect();
    report("begin these files with a `//!` sentence", &faults);
}

#[test]
fn a_mod_file_holds_docs_mod_lines_and_reexports_only() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| s.path.ends_with("/mod.rs") && !s.is_test())
    {
        let forbidden = [
            "fn ",
            "struct ",
            "enum ",
            "impl ",
            "trait ",
            "static ",
            "macro_rules!",
        ];
        for (number, line) in source.code() {
            let item = line
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ");
            if forbidden.iter().any(|start| item.starts_with(start)) {
                faults.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    report("move these items into a file with a name", &faults);
}

#[test]
fn unsafe_lives_in_kernels_and_mappings_only() {
    // The benchmark measures an instruction's peak by that instruction.
    let allowed = |path: &str| {
        path.starts_with("engine/src/kernels/")
            || path.ends_with("/mapped.rs")
            || path == "engine/benches/kernels/machine.rs"
    };
    let faults: Vec<_> = sources()
        .iter()
        .filter(|s| !allowed(&s.path) && !s.path.contains("/tests/tidy/"))
        .flat_map(|s| {
            s.code()
                .filter(|(_, l)| has_word(l, "unsafe"))
                .map(|(n, _)| format!("{}:{n}", s.path))
        })
        .collect();
    report("no unsafe here", &faults);
}

#[test]
fn nothing_is_left_half_done() {
    let marks = [
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
    ];
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                faults.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    report("finish or remove", &faults);
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|w| w == word)
}
