//! What was kept is there after a crash, and what was not leaves no trace. A crash is a copy of the folder as it is
//! at that moment, opened by another: what the process had in memory is lost, what it had written is there.

use std::fs;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use super::bodies::{self, Writing};
use super::files::FileRecord;
use super::folder::{Opened, Store};
use super::*;

fn opened(folder: &TempDir) -> Opened {
    Opened::open(folder.path()).unwrap()
}

/// The folder as another process finds it when this one is killed now.
fn crashed(folder: &TempDir) -> TempDir {
    let copy = TempDir::new().unwrap();
    copy_all(folder.path(), copy.path());
    copy
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn file(id: &str, purpose: &str) -> FileRecord {
    FileRecord {
        id: id.to_owned(),
        bytes: 2,
        created_at: 1,
        expires_at: None,
        filename: "a.jsonl".to_owned(),
        purpose: purpose.to_owned(),
    }
}

fn batch(id: &str, input: &str) -> BatchRecord {
    BatchRecord {
        id: id.to_owned(),
        endpoint: "/v1/completions".to_owned(),
        input_file_id: input.to_owned(),
        completion_window: "24h".to_owned(),
        status: BatchStatus::InProgress,
        counts: Counts::default(),
        errors: Vec::new(),
        output_file_id: None,
        error_file_id: None,
        output_expires_after: None,
        metadata: Value::Null,
        created_at: 1,
        expires_at: 100,
        in_progress_at: Some(1),
        finalizing_at: None,
        cancelling_at: None,
        ended_at: None,
    }
}

fn outcome(line: u32, ok: bool, text: &str) -> Outcome {
    Outcome {
        line,
        ok,
        text: text.as_bytes().to_vec(),
    }
}

fn outputs(tag: &str) -> Outputs {
    Outputs {
        output: format!("file-out{tag}"),
        errors: format!("file-err{tag}"),
        now: 9,
        status: BatchStatus::Completed,
    }
}

/// A store with the file `in` and the batch `b` over it.
async fn with_batch(folder: &TempDir) -> Store {
    let store = Store::new(Some(folder.path()));
    let mut upload = store.upload("in".to_owned()).await.unwrap();
    upload.write(b"{}").await.unwrap();
    upload.sync().await.unwrap();
    store.keep(upload, file("in", "batch")).await.unwrap();
    store.add_batch(batch("b", "in")).await.unwrap();
    store
}

fn bodies_of(opened: &Opened) -> Vec<String> {
    let names = fs::read_dir(&opened.bodies).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_was_kept_survives_and_what_was_not_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let store = with_batch(&folder).await;
    let mut half = store.upload("half".to_owned()).await.unwrap();
    half.write(b"never finished").await.unwrap();
    half.sync().await.unwrap();
    let after = crashed(&folder);
    let after = opened(&after);
    assert_eq!(bodies_of(&after), ["in"]);
    assert_eq!(after.file("in", 5).unwrap(), file("in", "batch"));
    assert_eq!(fs::read(bodies::place(&after.bodies, "in")).unwrap(), b"{}");
    // The same when its client left.
    drop(half);
    assert!(!folder.path().join("files/half.part").exists());
}

#[tokio::test]
async fn a_folder_belongs_to_one_process_and_is_made_when_it_is_needed() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("deep/data");
    let store = Store::new(Some(&place));
    assert!(!store.exists() && !place.exists());
    store.run(|_| Ok(())).await.unwrap();
    assert!(store.exists());
    let second = Store::new(Some(&place)).run(|_| Ok(())).await;
    assert_eq!(
        second,
        Err(StoreError::InUse(place.canonicalize().unwrap()))
    );
    store.close().await;
    Store::new(Some(&place)).run(|_| Ok(())).await.unwrap();
    let off = Store::new(None).run(|_| Ok(())).await;
    assert_eq!(off, Err(StoreError::Off));
}

#[tokio::test]
async fn a_line_has_one_outcome_however_often_it_is_recorded() {
    let folder = TempDir::new().unwrap();
    let store = with_batch(&folder).await;
    let first = vec![outcome(0, true, "zero"), outcome(2, false, "two")];
    store.record("b".to_owned(), first).await.unwrap();
    let again = vec![outcome(0, false, "other"), outcome(1, true, "one")];
    let batch = store.record("b".to_owned(), again).await.unwrap();
    assert_eq!((batch.counts.completed, batch.counts.failed), (2, 1));

    let after = crashed(&folder);
    let after = opened(&after);
    assert_eq!(after.progress("b").unwrap().0, [0, 1, 2]);
    let ended = after.end_batch("b", &outputs("")).unwrap();
    assert_eq!(ended.status, BatchStatus::Completed);
    let text = |id: Option<String>| {
        fs::read_to_string(bodies::place(&after.bodies, &id.unwrap())).unwrap()
    };
    assert_eq!(text(ended.output_file_id.clone()), "zero\none\n");
    assert_eq!(text(ended.error_file_id.clone()), "two\n");
    assert_eq!(after.file("file-out", 9).unwrap().bytes, 9);
    // What it came from is gone, and ending it again changes nothing.
    assert_eq!(after.progress("b").unwrap().0, [] as [u32; 0]);
    assert_eq!(after.end_batch("b", &outputs("2")).unwrap(), ended);
    assert_eq!(bodies_of(&after), ["file-err", "file-out", "in"]);
}

#[tokio::test]
async fn a_crash_between_the_files_and_their_records_is_cleared_away() {
    let folder = TempDir::new().unwrap();
    let store = with_batch(&folder).await;
    store
        .record("b".to_owned(), vec![outcome(0, true, "zero")])
        .await
        .unwrap();
    store.close().await;
    let bodies: PathBuf = folder.path().join("files");
    let mut written = Writing::begin(&bodies, "file-lost").unwrap();
    written.line(b"zero").unwrap();
    written.finish().unwrap().rename().unwrap();
    let mut unfinished = Writing::begin(&bodies, "file-half").unwrap();
    unfinished.line(b"zero").unwrap();
    let after = crashed(&folder);
    let after = opened(&after);
    assert_eq!(bodies_of(&after), ["in"]);
    let ended = after.end_batch("b", &outputs("")).unwrap();
    assert_eq!(
        (ended.output_file_id.as_deref(), ended.error_file_id),
        (Some("file-out"), None)
    );
}

#[tokio::test]
async fn a_file_that_a_batch_reads_stays_until_it_is_done() {
    let folder = TempDir::new().unwrap();
    let store = with_batch(&folder).await;
    let refused = store.forget_file("in".to_owned()).await.unwrap_err();
    assert!(
        refused.to_string().contains("cancel that first"),
        "{refused}"
    );
    let ended = store.end_batch("b".to_owned(), outputs("")).await.unwrap();
    assert_eq!((ended.output_file_id, ended.error_file_id), (None, None));
    store.forget_file("in".to_owned()).await.unwrap();
    let gone = store.forget_file("in".to_owned()).await.unwrap_err();
    assert_eq!(gone, StoreError::missing("file", "in"));
    assert!(!folder.path().join("files/in").exists());
}

#[tokio::test]
async fn files_expire_and_batches_need_one_that_is_theirs() {
    let folder = TempDir::new().unwrap();
    let store = Store::new(Some(folder.path()));
    for (id, purpose, expires_at) in [("a", "batch", Some(50)), ("b", "user_data", None)] {
        let mut upload = store.upload(id.to_owned()).await.unwrap();
        upload.sync().await.unwrap();
        let record = FileRecord {
            expires_at,
            ..file(id, purpose)
        };
        store.keep(upload, record).await.unwrap();
    }
    let refused = store.add_batch(batch("x", "b")).await.unwrap_err();
    assert!(refused.to_string().contains("user_data"), "{refused}");
    let missing = store.add_batch(batch("x", "c")).await.unwrap_err();
    assert_eq!(missing, StoreError::missing("file", "c"));
    assert!(store.file("a".to_owned(), 49).await.is_ok());
    assert!(store.file("a".to_owned(), 50).await.is_err());
    store.forget_expired_files(50).await.unwrap();
    assert!(!folder.path().join("files/a").exists());
    assert!(store.file("b".to_owned(), 50).await.is_ok());
}

#[tokio::test]
async fn lists_have_pages_from_both_ends() {
    let folder = TempDir::new().unwrap();
    let store = Store::new(Some(folder.path()));
    for id in ["a", "b", "c", "d"] {
        let mut upload = store.upload(id.to_owned()).await.unwrap();
        upload.sync().await.unwrap();
        let purpose = if id == "b" { "evals" } else { "batch" };
        store.keep(upload, file(id, purpose)).await.unwrap();
    }
    let page = |after: Option<&str>, limit, order, purpose: Option<&str>| {
        let request = PageRequest {
            after: after.map(str::to_owned),
            limit,
            order,
        };
        let filter = FileFilter {
            purpose: purpose.map(str::to_owned),
            now: 1,
        };
        let page = store.files(request, filter);
        page.map(|page| {
            page.map(|page| {
                let ids: Vec<_> = page.items.into_iter().map(|file| file.id).collect();
                (ids.concat(), page.has_more)
            })
        })
    };
    use Order::{Ascending, Descending};
    for (after, limit, order, purpose, ids, more) in [
        (None, 9, Descending, None, "dcba", false),
        (None, 2, Descending, None, "dc", true),
        (Some("c"), 2, Descending, None, "ba", false),
        (Some("a"), 2, Ascending, None, "bc", true),
        (Some("c"), 9, Ascending, None, "d", false),
        (None, 2, Ascending, Some("batch"), "ac", true),
        (Some("c"), 2, Ascending, Some("evals"), "", false),
    ] {
        let found = page(after, limit, order, purpose).await.unwrap();
        assert_eq!(found, (ids.to_owned(), more), "{after:?} {limit} {order:?}");
    }
    let lost = page(Some("x"), 1, Ascending, None).await.unwrap_err();
    assert_eq!(lost, StoreError::missing("file", "x"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Lines are recorded in any groups, twice some of them, with crashes between: at the end each has the outcome
    /// that it was given first.
    #[test]
    fn outcomes_are_neither_lost_nor_doubled(
        groups in prop::collection::vec(
            (prop::collection::vec((0_u32..12, any::<bool>()), 1..6), any::<bool>()), 1..8)
    ) {
        let mut folder = TempDir::new().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async { with_batch(&folder).await.close().await });
        let mut expected: Vec<Option<(bool, usize)>> = vec![None; 12];
        let mut held = Some(opened(&folder));
        for (step, (group, crash)) in groups.iter().enumerate() {
            let outcomes: Vec<_> = group.iter().map(|&(line, ok)| {
                expected[line as usize].get_or_insert((ok, step));
                outcome(line, ok, &format!("{line} {step}"))
            }).collect();
            let batch = held.as_ref().unwrap().record("b", &outcomes).unwrap();
            let count = |wanted| expected.iter().flatten().filter(|(ok, _)| *ok == wanted).count() as u64;
            prop_assert_eq!((batch.counts.completed, batch.counts.failed), (count(true), count(false)));
            if *crash {
                let copy = crashed(&folder);
                held = Some(opened(&copy));
                folder = copy;
            }
        }
        let opened = held.take().unwrap();
        let ended = opened.end_batch("b", &outputs("")).unwrap();
        for (wanted, id) in [(true, ended.output_file_id), (false, ended.error_file_id)] {
            let lines = expected.iter().enumerate().filter_map(|(line, outcome)| {
                let (_, step) = outcome.filter(|(ok, _)| *ok == wanted)?;
                Some(format!("{line} {step}\n"))
            });
            let lines: String = lines.collect();
            let found = id.map(|id| fs::read_to_string(bodies::place(&opened.bodies, &id)).unwrap());
            prop_assert_eq!(found.unwrap_or_default(), lines);
        }
    }
}
