//! `penstock ingest` with the real encoder, twice.

use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::server::{model_path, penstock, required};

struct Place {
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let (model, encoder) = (model_path(), required("PENSTOCK_TEST_EMBEDDER"));
        let config = format!(
            "models:\n  - {{name: m, source: {model}}}\nencoders:\n  - {{name: minilm, source: {encoder}}}\n\
             collections:\n  - {{name: docs, encoder: minilm, store: data/docs}}\n"
        );
        fs::write(home.path().join("config.yaml"), config).unwrap();
        fs::create_dir(home.path().join("files")).unwrap();
        Self { home }
    }

    fn write(&self, name: &str, text: &[u8]) {
        fs::write(self.home.path().join("files").join(name), text).unwrap();
    }

    fn ingest(&self, collection: &str) -> Output {
        let at = |name: &str| Path::new(self.home.path()).join(name);
        penstock(&self.home)
            .args(["ingest", collection])
            .arg(at("files"))
            .arg("--config")
            .arg(at("config.yaml"))
            .output()
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn documents_go_in_once_and_faults_are_told() {
    let place = Place::new();
    place.write(
        "mill.md",
        b"# Mills\n\nA mill grinds corn.\n\n## Wheels\n\nThe river turns its wheel.\n",
    );
    place.write("page.html", b"<title>Sea</title><p>Ships sail on it.");
    place.write("program.rs", b"fn main() {}");
    let first = place.ingest("docs");
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(
        text(&first.stdout),
        "2 files; chunks: 3 added, 0 kept, 0 removed\n"
    );
    assert_eq!(
        text(&first.stderr),
        "1 files of other kinds were passed over\n"
    );

    place.write("mill.md", b"# Mills\n\nA mill grinds corn.\n");
    place.write("broken.pdf", b"nothing of the kind");
    let second = place.ingest("docs");
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(
        text(&second.stdout),
        "2 files; chunks: 0 added, 2 kept, 1 removed\n"
    );
    let told = text(&second.stderr);
    assert!(
        told.contains("broken.pdf: the file is no readable PDF: "),
        "{told}"
    );
    assert!(
        told.contains("one thing could not be read; the rest is in the collection"),
        "{told}"
    );
}

#[test]
fn a_collection_that_is_not_there_is_named() {
    let place = Place::new();
    let output = place.ingest("doks");
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("the configuration has no collection `doks`; it has docs"),
        "{told}"
    );
}
