//! The schema knows what the parser knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::spec::config::read_for_tests;
use crate::spec::{SCHEMA, ServeConfig};

/// A file in which every section stands once. It need not fit together.
const EVERYTHING: &str = include_str!("everything.yaml");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The places in a schema that one place is: behind references and alternatives.
fn expand<'s>(root: &'s Value, node: &'s Value) -> Vec<&'s Value> {
    if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
        let pointer = reference.strip_prefix('#').unwrap();
        return expand(root, root.pointer(pointer).unwrap());
    }
    let others = node.get("anyOf").and_then(Value::as_array);
    let others = others.into_iter().flatten();
    let mut all: Vec<_> = others.flat_map(|other| expand(root, other)).collect();
    all.push(node);
    all
}

/// What lies at `segment` below the places `at`; `[]` is an item of a list.
fn below<'s>(root: &'s Value, at: &[&'s Value], segment: &str) -> Vec<&'s Value> {
    let next = at.iter().filter_map(|node| match segment {
        "[]" => node.get("items"),
        key => node.get("properties")?.get(key),
    });
    next.flat_map(|node| expand(root, node)).collect()
}

/// The keys of the mapping at `path`.
fn keys(root: &Value, path: &str) -> BTreeSet<String> {
    let mut at = expand(root, root);
    for segment in segments(path) {
        at = below(root, &at, &segment);
    }
    let properties = at
        .iter()
        .filter_map(|node| node.get("properties")?.as_object());
    properties.flat_map(|map| map.keys().cloned()).collect()
}

/// `a[0].b` as `a`, `[]`, `b`.
fn segments(path: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        all.extend(pieces.next().map(str::to_owned));
        all.extend(pieces.map(|_| "[]".to_owned()));
    }
    all
}

/// Every mapping of the schema that forbids other keys, by its path. A reference is followed once.
fn closed(root: &Value) -> BTreeSet<String> {
    fn walk(
        root: &Value,
        node: &Value,
        path: &str,
        seen: &mut Vec<String>,
        all: &mut BTreeSet<String>,
    ) {
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            if !seen.iter().any(|known| known == reference) {
                seen.push(reference.to_owned());
                let target = root.pointer(reference.strip_prefix('#').unwrap());
                walk(root, target.unwrap(), path, seen, all);
            }
            return;
        }
        for other in node
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            walk(root, other, path, seen, all);
        }
        if let Some(items) = node.get("items") {
            walk(root, items, &format!("{path}[]"), seen, all);
        }
        let Some(properties) = node.get("properties").and_then(Value::as_object) else {
            return;
        };
        all.insert(path.to_owned());
        for (key, inner) in properties {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            walk(root, inner, &path, seen, all);
        }
    }
    let mut all = BTreeSet::new();
    walk(root, root, "", &mut Vec::new(), &mut all);
    all
}

#[test]
fn it_has_the_keys_of_the_parser_and_no_others() {
    let root = schema();
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, parsed) in read_for_tests(EVERYTHING).known {
        let path = segments(&path).join(".").replace(".[]", "[]");
        let parsed = parsed.into_iter().map(str::to_owned);
        known.entry(path).or_default().extend(parsed);
    }
    let mut wrong = Vec::new();
    for (path, parsed) in &known {
        for key in parsed.symmetric_difference(&keys(&root, path)) {
            wrong.push(format!("`{path}`: {key}"));
        }
    }
    // A pattern in a list of forbidden texts is no section of its own.
    let no_sections = |path: &&String| !path.contains(".forbidden");
    let unread = closed(&root);
    let unread = unread
        .iter()
        .filter(no_sections)
        .filter(|path| !known.contains_key(*path));
    wrong.extend(unread.map(|path| format!("`{path}` is not in everything.yaml")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_configuration_of_ours_follows_it() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| !path.ends_with("models.yaml"));
    assert!(files.len() >= 3);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let config: Value = serde_saphyr::from_str(&text).unwrap();
        let faults: Vec<_> = validator
            .iter_errors(&config)
            .map(|fault| format!("{} at {}", fault, fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
        ServeConfig::load(&path, &BTreeMap::new()).unwrap();
    }
}

#[test]
fn it_refuses_what_is_misspelt_or_of_another_type() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let cases = [
        ("models: [{name: a, source: b}]", true),
        (
            "models: [{name: a, source: b, engine: {threads: \"${N}\"}}]",
            true,
        ),
        ("models: [{name: a, source: b, engine: {treads: 2}}]", false),
        ("models: [{name: a}]", false),
        ("http_options: {port: high}", false),
        ("target_capacity: 101", false),
        (
            "applications: [{name: a, pipeline: [b, {loop: {steps: [b], until: x}}], deployments: [{name: b}]}]",
            true,
        ),
        (
            "applications: [{name: a, pipeline: [{loop: {until: x}}], deployments: [{name: b}]}]",
            false,
        ),
    ];
    for (yaml, right) in cases {
        let config: Value = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(validator.is_valid(&config), right, "{yaml}");
    }
}
