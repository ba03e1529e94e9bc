//! Random histories: what was written, removed and opened again in any order answers as a plain map
//! of the same points does.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest,
};
use serde_json::json;

use crate::vector::embedded::store::Store;
use crate::vector::point::Point;
use crate::vector::terms::Terms;
use crate::vector::{
    CollectionIdentity, Condition, EmbeddedOptions, Filter, Metadata, Query, SearchRequest,
};

const WORDS: [&str; 5] = ["red", "green", "blue", "grey", "black"];

#[derive(Debug, Clone)]
enum Step {
    Upsert(Vec<(u8, Vec<u8>)>),
    SetMetadata(u8, u8),
    Delete(Vec<u8>),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0..12_u8;
    let step = prop_oneof![
        4 => vec((id.clone(), vec(0..5_u8, 0..4)), 1..5).prop_map(Step::Upsert),
        2 => (id.clone(), any::<u8>()).prop_map(|(id, kind)| Step::SetMetadata(id, kind % 3)),
        2 => vec(id, 1..4).prop_map(Step::Delete),
        1 => Just(Step::Reopen),
    ];
    vec(step, 1..25)
}

fn open(folder: &std::path::Path) -> Store {
    let identity = CollectionIdentity {
        name: "docs".to_owned(),
        encoder: "minilm".to_owned(),
        dimension: 1,
    };
    Store::open(folder, identity, EmbeddedOptions::default()).unwrap()
}

fn kind(kind: u8) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.insert("kind".to_owned(), json!(kind));
    metadata
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_answers_as_a_map_does(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        let mut map: BTreeMap<String, (String, u8)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Upsert(points) => {
                    let points = points.into_iter().map(|(id, words)| {
                        let words: Vec<_> = words.iter().map(|word| WORDS[usize::from(*word)]).collect();
                        Point { id: id.to_string(), text: words.join(" "), metadata: kind(0), vector: vec![1.0] }
                    });
                    let points: Vec<Point> = points.collect();
                    for point in &points {
                        map.insert(point.id.clone(), (point.text.clone(), 0));
                    }
                    store.upsert(points).unwrap();
                }
                Step::SetMetadata(id, to) => {
                    if let Some((_, kind)) = map.get_mut(&id.to_string()) {
                        *kind = to;
                    }
                    store.set_metadata(vec![(id.to_string(), kind(to))]).unwrap();
                }
                Step::Delete(ids) => {
                    let ids: Vec<String> = ids.iter().map(u8::to_string).collect();
                    map.retain(|id, _| !ids.contains(id));
                    store.delete(ids).unwrap();
                }
                Step::Reopen => {
                    drop(store);
                    store = open(folder.path());
                }
            }
            prop_assert_eq!(store.count(None), map.len());
            for asked in 0..3_u8 {
                let filter = Filter::must([Condition::equals("kind", i64::from(asked))]);
                let expected = map.values().filter(|(_, kind)| *kind == asked).count();
                prop_assert_eq!(store.count(Some(&filter)), expected);
            }
            for word in WORDS {
                let request = SearchRequest { query: Query::Sparse(word.to_owned()), filter: None, limit: 100 };
                let hits = store.search(&request).unwrap();
                let mut found: Vec<String> = hits.into_iter().map(|hit| hit.record.id).collect();
                found.sort_unstable();
                let wanted = Terms::question(word)[0];
                let has = |text: &str| Terms::of(text).counts.contains_key(&wanted);
                let expected: Vec<String> =
                    map.iter().filter(|(_, (text, _))| has(text)).map(|(id, _)| id.clone()).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
