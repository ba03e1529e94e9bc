//! The shipped catalogue, and what is wrong with others.

use super::*;

#[test]
fn the_shipped_catalogue_is_right() {
    let catalogue = Catalogue::built_in().unwrap();
    let default = catalogue.get("smollm2-135m-instruct").unwrap();
    assert_eq!(default.licence, "Apache-2.0");
    assert_eq!(default.kind, ModelKind::Generate);
    assert_eq!(
        catalogue.get("all-minilm-l6-v2").unwrap().kind,
        ModelKind::Embed
    );
    for entry in catalogue.entries() {
        assert!(
            entry.sources.iter().any(|s| matches!(s, Source::Hub(_))),
            "{}",
            entry.name
        );
        let is_pip = |s: &Source| matches!(s, Source::Pip(_) | Source::Joined(_));
        assert!(entry.sources.iter().any(is_pip), "{}", entry.name);
        let keys: std::collections::HashSet<String> =
            entry.sources.iter().map(Source::key).collect();
        assert_eq!(
            keys.len(),
            entry.sources.len(),
            "each source has a folder of its own"
        );
        for source in &entry.sources {
            let weights = source
                .files()
                .iter()
                .filter(|f| f.path.ends_with(".gguf") || f.path.ends_with(".safetensors"));
            assert!(weights.count() > 0, "{source} gives weights");
            if let Source::Pip(pip) = source {
                assert!(
                    pip.files
                        .iter()
                        .all(|f| f.sha256.is_some() && f.size.is_some())
                );
            }
        }
    }
}

#[test]
fn the_nearest_name_is_found() {
    let catalogue = Catalogue::built_in().unwrap();
    assert_eq!(
        catalogue.nearest("smollm2-135m"),
        Some("smollm2-135m-instruct")
    );
    assert_eq!(
        catalogue.nearest("smollm2_135m_instruct"),
        Some("smollm2-135m-instruct")
    );
    assert_eq!(catalogue.nearest("gpt-4o"), None);
}

#[test]
fn a_broken_catalogue_says_where_and_what() {
    let entry = |source: &str| {
        format!(
            "models:\n  - name: a\n    description: d\n    licence: MIT\n    kind: generate\n    \
             sources:\n      - {source}\n"
        )
    };
    let cases = [
        ("models: [".to_owned(), "m.yaml:1:"),
        ("modells: []".to_owned(), "unknown field `modells`"),
        (
            entry("{hf: a/b, files: []}"),
            "model `a`: a source has no file",
        ),
        (
            entry("{hf: a/b/c.gguf, files: [{path: x}]}"),
            "put `c.gguf` below `files:`",
        ),
        (
            entry("{pip: a>=1, folder: a, files: [{path: x}]}"),
            "`a>=1` is not package==version",
        ),
        (
            entry("{pip: -r==1, folder: a, files: [{path: x}]}"),
            "is not package==version",
        ),
        (
            entry("{pip: a==1, files: [{path: x}]}"),
            "`pip:` with `folder:`",
        ),
        (
            entry("{join: {path: x, size: 1, sha256: 00, parts: []}}"),
            "`x` is joined from no parts",
        ),
        (
            entry("{join: {path: x, parts: [{pip: a==1, path: y, size: 1}]}}"),
            "`x` needs `size:` and `sha256:`",
        ),
        (
            entry("{hf: a/b, join: {path: x, parts: []}}"),
            "`join:` stands alone",
        ),
        (
            entry("{hf: a/b, files: [{path: ../x}]}"),
            "`../x` is not a relative path",
        ),
        (
            entry("{hf: a/b, files: [{path: x, sha256: 12}]}"),
            "64 hexadecimal digits",
        ),
        (
            entry("{hf: a/b, files: [{path: x, size: -1}]}"),
            "m.yaml:7:",
        ),
    ];
    for (yaml, expected) in cases {
        let error = Catalogue::parse("m.yaml", &yaml).unwrap_err().to_string();
        assert!(error.contains(expected), "{yaml}\n{error}");
    }
}
