//! Which files are read.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::fixture::Place;
use crate::ingest::IngestError;
use crate::ingest::walk::{plain, walk};

#[tokio::test]
async fn a_folder_s_files_come_sorted_and_once() {
    let place = Place::new().await;
    for name in [
        "b.md",
        "a/z.txt",
        "a/.hidden.md",
        ".git/x.md",
        "c.rs",
        "a.html",
    ] {
        place.write(name, "text");
    }
    symlink(place.files.path(), place.path("loop")).unwrap();
    let root = place.files.path().to_owned();
    let found = walk(&[root.clone(), place.path("b.md"), root.join("./a")], 100).unwrap();
    let names = ["a/z.txt", "a.html", "b.md"];
    let expected: Vec<PathBuf> = names.iter().map(|name| place.path(name)).collect();
    assert_eq!(found.files, expected);
    // The program, and the link.
    assert_eq!(found.passed_over, 2);
    // What is named itself is taken, whatever it is.
    let found = walk(&[place.path("c.rs")], 100).unwrap();
    assert_eq!(found.files, [place.path("c.rs")]);
}

#[tokio::test]
async fn paths_that_lead_nowhere_and_folders_without_end_are_refused() {
    let place = Place::new().await;
    let error = walk(&[place.path("absent")], 100).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("absent: No such file or directory (os error 2)"),
        "{error}"
    );
    for number in 0..4 {
        place.write(&format!("{number}.txt"), "text");
    }
    let error = walk(&[place.files.path().to_owned()], 3).unwrap_err();
    assert_eq!(error, IngestError::TooManyFiles { limit: 3 });
    let mut deep = place.files.path().to_owned();
    deep.extend(["d"; 70]);
    std::fs::create_dir_all(&deep).unwrap();
    let error = walk(&[place.files.path().to_owned()], 100).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("folders are nested more than 64 deep"),
        "{error}"
    );
}

#[test]
fn one_file_has_one_name() {
    for (written, name) in [
        ("./docs/a.md", "docs/a.md"),
        ("docs//a.md", "docs/a.md"),
        ("docs/./a.md", "docs/a.md"),
        (".", "."),
        ("./", "."),
        ("../a.md", "../a.md"),
        ("/x/a.md", "/x/a.md"),
    ] {
        assert_eq!(plain(Path::new(written)), Path::new(name), "{written}");
    }
}
