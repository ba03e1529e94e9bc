//! A process that is killed while it writes loses nothing that was acknowledged.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::vector::{
    CollectionIdentity, EmbeddedIndex, EmbeddedOptions, Metadata, Point, ScrollRequest, VectorIndex,
};

/// Where the process that will be killed writes; not set in an ordinary run.
const FOLDER: &str = "PENSTOCK_TEST_WRITE_UNTIL_KILLED";
/// Points of one call.
const BATCH: usize = 5;

async fn open(folder: &Path) -> EmbeddedIndex {
    let identity = CollectionIdentity {
        name: "docs".to_owned(),
        encoder: "minilm".to_owned(),
        dimension: 8,
    };
    EmbeddedIndex::open(folder, identity, EmbeddedOptions::default())
        .await
        .unwrap()
}

fn batch(number: usize) -> Vec<Point> {
    let points = (number * BATCH..(number + 1) * BATCH).map(|id| Point {
        id: format!("{id:08}"),
        text: format!("passage {id}"),
        metadata: Metadata::new(),
        vector: vec![1.0; 8],
    });
    points.collect()
}

/// Writes three calls' worth and finds it. In the process that [`killed_in_mid_write`] starts it goes
/// on for as long as it lives, and says after each call that it is done.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a process that is to be killed is told so by its environment"
)]
async fn writes_and_says_so() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let index = open(Path::new(&folder)).await;
        for number in 0.. {
            index.upsert(batch(number)).await.unwrap();
            println!("\nstored {number}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    for number in 0..3 {
        index.upsert(batch(number)).await.unwrap();
    }
    assert_eq!(index.count(None).await.unwrap(), 3 * BATCH);
}

#[tokio::test]
async fn killed_in_mid_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "vector::embedded::tests::killed::writes_and_says_so",
            "--nocapture",
        ])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stored = lines.filter_map(|line| line.unwrap().strip_prefix("stored ")?.parse().ok());
    // The pipe stays open until it is killed, so that it is killed and does not end by itself.
    let last: usize = stored.by_ref().take(25).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(last, 24);

    let index = open(folder.path()).await;
    let count = index.count(None).await.unwrap();
    assert!(
        count >= (last + 1) * BATCH,
        "{count} points after {last} calls"
    );
    assert_eq!(count % BATCH, 0, "a call is there whole or not at all");
    let page = index
        .scroll(ScrollRequest {
            limit: 1000,
            ..ScrollRequest::default()
        })
        .await
        .unwrap();
    let ids: Vec<String> = page.records.into_iter().map(|record| record.id).collect();
    let expected: Vec<String> = (0..count.min(1000)).map(|id| format!("{id:08}")).collect();
    assert_eq!(ids, expected);
}
