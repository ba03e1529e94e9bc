//! What each kind of file says.

use std::fs;
use std::path::Path;

use lopdf::content::{Content, Operation};
use lopdf::{Document as Pdf, Object, Stream, dictionary};
use serde_json::json;

use super::{Kind, ReadFile, html, markdown, read, text};
use crate::ingest::document::{Block, Document};

const MAX: u64 = 1 << 20;

/// A document in short: headings, then each block with its lines.
fn told(document: &Document) -> Vec<String> {
    let mut told = Vec::new();
    for section in &document.sections {
        let page = section
            .page
            .map(|page| format!("[page {page}] "))
            .unwrap_or_default();
        told.push(format!("{page}# {}", section.headings.join(" > ")));
        for Block { text, lines } in &section.blocks {
            let lines = lines.map(|(a, b)| format!("{a}-{b}: ")).unwrap_or_default();
            told.push(format!("{lines}{}", text.replace('\n', "\\n")));
        }
    }
    told
}

fn read_bytes(name: &str, bytes: &[u8]) -> ReadFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(&path, MAX)
}

fn failure(name: &str, bytes: &[u8]) -> String {
    let read = read_bytes(name, bytes);
    assert_eq!((read.documents.len(), read.failures.len()), (0, 1));
    read.failures[0].why.clone()
}

#[test]
fn text_is_paragraphs() {
    let document = text::read("\n\none\ntwo\n  \n\nthree  \r\nfour\n");
    assert_eq!(
        told(&document),
        ["# ", "3-4: one\\ntwo", "7-8: three  \\nfour"]
    );
    assert_eq!(text::read(" \n\n").sections, []);
}

#[test]
fn markdown_is_text_under_headings() {
    let document = markdown::read(
        "---\ntitle: front matter\n---\nBefore.\n\n# The *title*\n\nA [link](http://x) and\n`code`.\n\n\
         ## Part\n\n- one\n- two\n  - inner\n\n```sh\n# no heading\nmake test\n```\n\n| a | b |\n|---|---|\n\
         | 1 | 2 |\n\n### Deep\n\ntext<br>more\n\n<!-- hidden -->\n\n## Other\n\nEnd.\n",
    );
    assert_eq!(document.title.as_deref(), Some("The title"));
    assert_eq!(
        told(&document),
        [
            "# ",
            "4-4: Before.",
            "# The title",
            "8-9: A link and\\ncode.",
            "# The title > Part",
            "13-13: one",
            "14-14: two",
            "15-15: inner",
            "18-19: # no heading\\nmake test",
            "22-22: a | b",
            "24-24: 1 | 2",
            "# The title > Part > Deep",
            "28-28: textmore",
            "# The title > Other",
            "34-34: End.",
        ]
    );
}

#[test]
fn html_is_what_a_reader_reads() {
    let document = html::read(
        "<!doctype html><html><head><title> A  page </title><style>p {}</style></head><body>\
         <nav><a href=x>Menu</a></nav><main><h1>Top <em>one</em></h1><p>Some <b>bold</b>\n   text &amp; more.\
         <p>Unclosed<br>line<script>alert(1)</script><h2>Sub</h2><ul><li>one<li>two</ul>\
         <pre>a\n  b</pre><table><tr><td>1</td><td>2</td></tr></table></main>\
         <svg><text>drawn</text></svg></body></html>",
    );
    assert_eq!(document.title.as_deref(), Some("A page"));
    assert_eq!(
        told(&document),
        [
            "# Top one",
            "Some bold text & more.",
            "Unclosed\\nline",
            "# Top one > Sub",
            "one",
            "two",
            "a\\n  b",
            "1 | 2",
        ]
    );
}

#[test]
fn html_that_nests_deep_is_read() {
    let deep = format!(
        "{}<p>inside{}",
        "<div>".repeat(5_000),
        "</div>".repeat(5_000)
    );
    let document = html::read(&deep);
    assert_eq!(told(&document), ["# ", "inside"]);
}

#[test]
fn json_lines_are_documents_with_metadata() {
    let lines = "{\"text\": \"one\\n\\ntwo\", \"title\": \"T\", \"year\": 2020, \"tags\": [\"a\"]}\n\n\
                 [1]\n{\"text\": 5}\n{\"text\": \"x\", \"title\": 1}\n{\"text\": \"x\", \"_id\": 1}\n{\"text\": \"last\"}";
    let read = read_bytes("docs.jsonl", lines.as_bytes());
    assert_eq!(read.documents.len(), 2);
    let first = &read.documents[0];
    assert_eq!(first.title.as_deref(), Some("T"));
    assert_eq!(
        serde_json::Value::Object(first.metadata.clone()),
        json!({"year": 2020, "tags": ["a"]})
    );
    assert_eq!(told(first), ["# ", "1-1: one", "1-1: two"]);
    assert_eq!(told(&read.documents[1]), ["# ", "7-7: last"]);
    let failures: Vec<(u32, &str)> = read
        .failures
        .iter()
        .map(|failure| (failure.line.unwrap(), failure.why.as_str()))
        .collect();
    let [(3, not_object), (4, no_text), (5, title), (6, key)] = failures.as_slice() else {
        panic!("{failures:?}");
    };
    assert!(
        not_object.starts_with("the line is no JSON object: "),
        "{not_object}"
    );
    assert_eq!(*no_text, "the object has no `text`, or it is no text");
    assert_eq!(*title, "`title` must be a text, but is 1");
    assert_eq!(
        *key,
        "the key \"_id\" begins with `_`, which is kept for our own"
    );
    // A file of another kind is not reported line by line without end.
    let read = read_bytes("docs.jsonl", "no\n".repeat(1000).as_bytes());
    assert_eq!(read.failures.len(), 21);
    assert_eq!(read.failures[20].why, "980 more lines are no documents");
}

#[test]
fn a_pdf_is_its_pages() {
    let bytes = pdf(&[
        "The first page speaks of mills.",
        "The second speaks of rivers.",
    ]);
    let read = read_bytes("a.PDF", &bytes);
    assert_eq!(read.failures, []);
    let document = &read.documents[0];
    assert_eq!(document.title.as_deref(), Some("On mills"));
    assert_eq!(
        told(document),
        [
            "[page 1] # ",
            "The first page speaks of mills.",
            "[page 2] # ",
            "The second speaks of rivers.",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    assert!(failure("a.pdf", b"%PDF-1.7 and no more").starts_with("the file is no readable PDF: "));
    assert!(failure("a.pdf", b"").starts_with("the file is no readable PDF: "));
    assert!(failure("a.pdf", &pdf(&[""])).starts_with("the file has no text; "));
    let mut cut = pdf(&["The first page speaks of mills."]);
    cut.truncate(cut.len() / 2);
    failure("a.pdf", &cut);
    assert_eq!(
        failure("a.txt", b"ok\nok\n\xff"),
        "the file is not UTF-8: line 3 has a byte that is none"
    );
    assert_eq!(
        failure("a.md", &vec![b'x'; (1 << 20) + 1]),
        "the file has more than 1048576 bytes"
    );
    assert_eq!(
        failure("a.docx", b"PK"),
        "its kind is not known; known are .txt, .md, .html, .pdf and .jsonl"
    );
    let missing = read(Path::new("/nowhere/a.txt"), MAX);
    assert_eq!(
        missing.failures[0].to_string(),
        "/nowhere/a.txt: No such file or directory (os error 2)"
    );
}

#[test]
fn a_kind_goes_by_the_extension() {
    for (name, kind) in [
        ("a.txt", Some(Kind::Text)),
        ("b/README.MD", Some(Kind::Markdown)),
        ("c.Html", Some(Kind::Html)),
        ("d.pdf", Some(Kind::Pdf)),
        ("e.ndjson", Some(Kind::JsonLines)),
        ("f.rs", None),
        ("Makefile", None),
    ] {
        assert_eq!(Kind::of(Path::new(name)), kind, "{name}");
    }
}

/// A PDF with a line on each page.
fn pdf(pages: &[&str]) -> Vec<u8> {
    let mut pdf = Pdf::with_version("1.5");
    let tree = pdf.new_object_id();
    let font = pdf.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding",
    });
    let resources = pdf.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let mut kids: Vec<Object> = Vec::new();
    for page in pages {
        let content = Content {
            operations: vec![
                Operation::new("BT", vec![]),
                Operation::new("Tf", vec!["F1".into(), 12.into()]),
                Operation::new("Td", vec![100.into(), 600.into()]),
                Operation::new("Tj", vec![Object::string_literal(*page)]),
                Operation::new("ET", vec![]),
            ],
        };
        let content = pdf.add_object(Stream::new(dictionary! {}, content.encode().unwrap()));
        let page = pdf.add_object(dictionary! {
            "Type" => "Page", "Parent" => tree, "Contents" => content, "Resources" => resources,
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        });
        kids.push(page.into());
    }
    let count = i64::try_from(kids.len()).unwrap();
    let pages = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    pdf.objects.insert(tree, Object::Dictionary(pages));
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    pdf.trailer.set("Root", catalog);
    let info = pdf.add_object(dictionary! { "Title" => Object::string_literal("On mills") });
    pdf.trailer.set("Info", info);
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    bytes
}
