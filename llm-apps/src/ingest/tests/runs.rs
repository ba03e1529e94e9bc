//! The first run, the second, and those after something changed or went wrong.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::fixture::Place;
use crate::ingest::{ChunkSize, IngestError, IngestEvent, IngestOptions};
use crate::vector::Record;

async fn filled() -> Place {
    let place = Place::new().await;
    place.write(
        "a.md",
        "# Mills\n\nA mill grinds corn.\n\n## Wheels\n\nIts wheel turns in the river.\n",
    );
    place.write(
        "deep/b.txt",
        "Rivers flow.\n\nThey flow to the sea and then there is more of them.\n",
    );
    place
}

#[tokio::test]
async fn files_become_chunks_with_their_places() {
    let place = filled().await;
    let (summary, encoded) = place.run().await;
    let summary = summary.unwrap();
    assert_eq!(
        (summary.files, summary.added, summary.kept, summary.removed),
        (2, 4, 0, 0)
    );
    assert_eq!((summary.failed.len(), encoded), (0, 4));
    let stored = place.stored().await;
    let texts: Vec<_> = stored.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "A mill grinds corn.",
            "Its wheel turns in the river.",
            "Rivers flow.\nThey flow to the sea and",
            "then there is more of them.",
        ]
    );
    let wheel = &stored[1].metadata;
    assert_eq!(wheel["title"], "Mills");
    assert_eq!(wheel["headings"], json!(["Mills", "Wheels"]));
    assert_eq!(
        (&wheel["first_line"], &wheel["last_line"]),
        (&json!(7), &json!(7))
    );
    assert_eq!(wheel["source"], json!(place.path("a.md").to_str().unwrap()));
    assert_eq!(wheel["hash"].as_str().unwrap().len(), 64);
    assert_eq!(
        stored[2].metadata["title"], "b",
        "a text without a title goes by its name"
    );
}

#[tokio::test]
async fn the_same_file_reached_another_way_is_the_same_and_another_of_its_name_is_not() {
    let place = filled().await;
    place.write("other/deep/b.txt", "Another text.\n");
    place.run().await.0.unwrap();
    let around = place.path("other/../deep");
    let (summary, encoded) = place.run_on(&[around], &|_| {}).await;
    let summary = summary.unwrap();
    assert_eq!((summary.added, summary.kept, summary.removed), (0, 2, 0));
    assert_eq!(encoded, 0);
    let sources = |records: Vec<Record>| -> Vec<_> {
        let sources = records
            .into_iter()
            .map(|r| r.metadata["source"].to_string());
        sources.filter(|source| source.contains("/../")).collect()
    };
    assert_eq!(
        sources(place.stored().await).len(),
        2,
        "it has the name of the last run"
    );
    // What lies elsewhere under the same name stays.
    std::fs::remove_file(place.path("deep/b.txt")).unwrap();
    let (summary, _) = place.run_on(&[place.path("deep")], &|_| {}).await;
    assert_eq!(summary.unwrap().removed, 2);
    let texts = place.stored().await.into_iter().map(|record| record.text);
    assert!(
        texts
            .collect::<Vec<_>>()
            .contains(&"Another text.".to_owned())
    );
}

#[tokio::test]
async fn a_second_run_encodes_what_changed_only() {
    let place = filled().await;
    place.run().await.0.unwrap();
    let (summary, encoded) = place.run().await;
    let summary = summary.unwrap();
    assert_eq!(
        (summary.added, summary.kept, summary.removed, encoded),
        (0, 4, 0, 0)
    );

    // A line moves all below it; one chunk says something else; a file goes, another comes.
    place.write(
        "a.md",
        "# Mills\n\n\nA mill grinds corn.\n\n## Wheels\n\nIts wheel stands still.\n",
    );
    std::fs::remove_file(place.path("deep/b.txt")).unwrap();
    place.write("c.txt", "Something new.\n");
    let (summary, encoded) = place.run().await;
    let summary = summary.unwrap();
    assert_eq!(
        (summary.added, summary.kept, summary.removed, encoded),
        (2, 1, 3, 2)
    );
    assert_eq!(
        place.texts().await,
        [
            "A mill grinds corn.",
            "Its wheel stands still.",
            "Something new."
        ]
    );
    assert_eq!(
        place.stored().await[0].metadata["first_line"],
        4,
        "it stands a line lower"
    );
}

#[tokio::test]
async fn what_lies_elsewhere_stays() {
    let place = filled().await;
    place.run().await.0.unwrap();
    place.write("deep/b.txt", "Nothing else.\n");
    let (summary, _) = place.run_on(&[place.path("deep")], &|_| {}).await;
    let summary = summary.unwrap();
    assert_eq!((summary.files, summary.added, summary.removed), (1, 1, 2));
    assert_eq!(place.texts().await.len(), 3);
    // `deeper` is not below `deep`.
    place.write("deeper.txt", "Another one.\n");
    place.run().await.0.unwrap();
    place
        .run_on(&[place.path("deep")], &|_| {})
        .await
        .0
        .unwrap();
    assert_eq!(place.texts().await.len(), 4);
}

#[tokio::test]
async fn the_same_words_twice_are_two_chunks() {
    let place = Place::new().await;
    place.write("a.jsonl", "{\"text\": \"again\"}\n{\"text\": \"again\"}\n");
    let (summary, _) = place.run().await;
    assert_eq!(summary.unwrap().added, 2);
    let (summary, encoded) = place.run().await;
    assert_eq!((summary.unwrap().kept, encoded), (2, 0));
}

#[tokio::test]
async fn a_file_that_fails_is_told_and_keeps_what_it_had() {
    let place = filled().await;
    place.run().await.0.unwrap();
    std::fs::write(place.path("a.md"), b"# Mills\n\xff").unwrap();
    place.write("broken.pdf", "no PDF");
    place.write("odd.txt", "UNCOUNTABLE");
    let (summary, encoded) = place.run().await;
    let summary = summary.unwrap();
    let failed: Vec<String> = summary.failed.iter().map(ToString::to_string).collect();
    let name = |name: &str| place.path(name).display().to_string();
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert_eq!(
        failed[0],
        format!(
            "{}: the file is not UTF-8: line 2 has a byte that is none",
            name("a.md")
        )
    );
    assert!(failed[1].starts_with(&format!(
        "{}: the file is no readable PDF",
        name("broken.pdf")
    )));
    assert_eq!(
        failed[2],
        format!(
            "{}: the model failed: a text that cannot be counted",
            name("odd.txt")
        )
    );
    assert_eq!((summary.files, summary.removed, encoded), (1, 0, 0));
    assert_eq!(place.texts().await.len(), 4);
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_where_it_was() {
    let place = filled().await;
    place.words.fails_after.store(3, Ordering::Relaxed);
    let (result, _) = place.run().await;
    let error = result.unwrap_err();
    assert!(
        matches!(&error, IngestError::Encode { why, .. } if why == "the model failed: out of breath"),
        "{error}"
    );
    assert_eq!(
        place.texts().await.len(),
        2,
        "the batches before are stored"
    );
    place.words.fails_after.store(0, Ordering::Relaxed);
    let (summary, encoded) = place.run().await;
    let summary = summary.unwrap();
    assert_eq!((summary.added, summary.kept, encoded), (2, 2, 2));
}

#[tokio::test]
async fn progress_adds_up() {
    let place = filled().await;
    let events = Mutex::new(Vec::new());
    let progress = |event: IngestEvent| events.lock().unwrap().push(event);
    place
        .run_on(&[place.files.path().to_owned()], &progress)
        .await
        .0
        .unwrap();
    let events = events.into_inner().unwrap();
    assert_eq!(events[0], IngestEvent::Found { files: 2 });
    let (mut planned, mut stored, mut done) = (0, 0, 0);
    for event in &events {
        match event {
            IngestEvent::Found { .. } => {}
            IngestEvent::File { chunks, .. } => planned += chunks,
            IngestEvent::Stored { chunks } => stored += chunks,
            IngestEvent::FileDone => done += 1,
        }
    }
    assert_eq!((planned, stored, done), (4, 4, 2));
}

#[tokio::test]
async fn options_that_do_not_fit_are_refused() {
    let mut place = Place::new().await;
    let good = place.options.clone();
    let chunk = |size, overlap| IngestOptions {
        chunk: ChunkSize {
            size,
            overlap,
            ..good.chunk
        },
        ..good.clone()
    };
    for (options, why) in [
        (
            chunk(7, 0),
            "the size of a chunk must be from 8 to 1000000, but is 7",
        ),
        (
            chunk(100, 51),
            "the overlap of chunks must be at most half of their size, 50, but is 51",
        ),
        (
            IngestOptions {
                batch: 0,
                ..good.clone()
            },
            "batch must be from 1 to 1024 chunks, but is 0",
        ),
    ] {
        place.options = options;
        assert_eq!(place.run().await.0.unwrap_err().to_string(), why);
    }
}
