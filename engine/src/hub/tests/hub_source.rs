//! Pulls from the hub.

use super::fake_hub::{COMMIT, Fault};
use super::{A_MOMENT, A_SECOND, CONTENT, World};

/// A pip that fails at once.
const NO_PIP: &str = "echo 'ERROR: no such package' >&2; exit 1";

#[tokio::test]
async fn a_model_comes_from_the_hub_and_then_from_the_cache_without_a_call() {
    let mut world = World::new(Fault::None, NO_PIP).await;
    let path = world.pull_small().await;
    assert_eq!(path.file_name().unwrap(), "model.gguf");
    assert!(world.told("Stored"));
    let calls = world.hub.requests().len();
    world.options.offline = true;
    assert_eq!(world.pull_small().await, path);
    assert_eq!(
        world.hub.requests().len(),
        calls,
        "a warm cache makes no call"
    );
}

#[tokio::test]
async fn every_request_names_the_commit_that_the_revision_was_resolved_to() {
    let world = World::new(Fault::None, NO_PIP).await;
    world.pull_small().await;
    for request in world.hub.requests() {
        let resolves = request.contains("/revision/main");
        assert!(resolves || request.contains(COMMIT), "{request}");
    }
}

#[tokio::test]
async fn offline_with_a_cold_cache_is_an_error_and_makes_no_call() {
    let mut world = World::new(Fault::None, NO_PIP).await;
    world.options.offline = true;
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(error.contains("`small` is not in the cache at"), "{error}");
    assert!(world.hub.requests().is_empty());
}

#[tokio::test]
async fn when_no_source_answers_each_is_listed_with_its_reason() {
    let world = World::new(Fault::NotFound, NO_PIP).await;
    let error = world.pull("small").await.unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert_eq!(lines[0], "no source of `small` could be used:");
    assert!(lines[1].starts_with("  - hf://owner/model: "), "{error}");
    assert!(lines[1].contains("not found"), "{error}");
    assert!(
        lines[2].starts_with("  - pip small-model==1.0: pip download failed"),
        "{error}"
    );
    assert!(lines[2].contains("ERROR: no such package"), "{error}");
}

#[tokio::test]
async fn a_file_with_other_bytes_is_refused_and_not_kept() {
    let world = World::new(Fault::WrongBytes, NO_PIP).await;
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(error.contains("its SHA-256 should be"), "{error}");
    // Nothing of it is taken up by the next attempt.
    world.hub.set(Fault::None);
    world.pull_small().await;
    assert!(world.hub.requests().iter().all(|r| !r.contains("from")));
}

#[tokio::test]
async fn a_download_that_was_cut_goes_on_where_it_ended() {
    let world = World::new(Fault::CutAfter(20), NO_PIP).await;
    world.pull("small").await.unwrap_err();
    let found = world
        .store()
        .find(&"small".parse().unwrap(), &world.catalogue);
    assert_eq!(found.unwrap(), None, "half a file is no model");
    world.hub.set(Fault::None);
    world.pull_small().await;
    let requests = world.hub.requests();
    assert!(
        requests.last().unwrap().ends_with("model.gguf from 20"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_hub_without_ranges_starts_again() {
    let world = World::new(Fault::CutAfter(20), NO_PIP).await;
    world.pull("small").await.unwrap_err();
    world.hub.set(Fault::NoRanges);
    world.pull_small().await;
}

#[tokio::test]
async fn a_torn_beginning_is_fetched_again_from_the_start() {
    let world = World::new(Fault::CutAfter(20), NO_PIP).await;
    world.pull("small").await.unwrap_err();
    let growing = walk(&world.store().root().join("small"))
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with("model.gguf.part"))
        .unwrap();
    std::fs::write(&growing, [0; 20]).unwrap();
    world.hub.set(Fault::None);
    world.pull_small().await;
    assert!(world.hub.requests().last().unwrap().ends_with("model.gguf"));
}

#[tokio::test]
async fn a_hub_that_says_nothing_is_given_up_with_the_reason() {
    let world = World::new(Fault::Silent, NO_PIP).await.impatient(A_MOMENT);
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(
        error.contains("no progress for 0.1 s while asking http://127"),
        "{error}"
    );
}

#[tokio::test]
async fn a_hub_that_cannot_be_reached_is_named_once() {
    let mut world = World::new(Fault::None, NO_PIP).await;
    // A port that was free a moment ago.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    world.options.hub_endpoint = Some(endpoint.clone());
    let error = world
        .pull("hf://owner/model")
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error.matches(&endpoint).count(), 1, "{error}");
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_and_what_came_is_kept() {
    let world = World::new(Fault::StopAfter(30), NO_PIP)
        .await
        .impatient(A_SECOND);
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(error.contains("while waiting for `model.gguf`"), "{error}");
    let mut world = world;
    world.hub.set(Fault::None);
    world.options.stall_limit = std::time::Duration::from_secs(10);
    world.pull_small().await;
    assert!(
        world
            .hub
            .requests()
            .last()
            .unwrap()
            .ends_with("model.gguf from 30")
    );
}

#[tokio::test]
async fn two_pulls_at_once_fetch_once() {
    let world = World::new(Fault::None, NO_PIP).await;
    let (one, other) = tokio::join!(world.pull_small(), world.pull_small());
    assert_eq!(one, other);
    assert_eq!(world.hub.downloads(), 1);
}

#[tokio::test]
async fn a_repository_gives_what_a_model_needs_of_it() {
    let files: [(&str, &[u8]); 6] = [
        ("README.md", b"# Model"),
        ("config.json", b"{}"),
        ("model-00001-of-00002.safetensors", b"one"),
        ("model-00002-of-00002.safetensors", b"two"),
        ("onnx/model.onnx", b"other"),
        ("tokenizer.json", b"{}"),
    ];
    let world = World::with_files(&files, Fault::None, NO_PIP).await;
    let model = world.pull("hf://owner/model").await.unwrap();
    let mut names: Vec<String> = walk(&model.path)
        .iter()
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected = [files[1].0, files[2].0, files[3].0, files[5].0];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn several_gguf_files_need_a_choice() {
    let files: [(&str, &[u8]); 2] = [("q4.gguf", CONTENT), ("sub/q8.gguf", b"other")];
    let world = World::with_files(&files, Fault::None, NO_PIP).await;
    let error = world
        .pull("hf://owner/model@main")
        .await
        .unwrap_err()
        .to_string();
    let expected = "several GGUF files; name one, as in hf://owner/model@main/FILE.gguf \
                    (there are q4.gguf, sub/q8.gguf)";
    assert!(error.contains(expected), "{error}");
    let model = world.pull("hf://owner/model/sub/q8.gguf").await.unwrap();
    assert_eq!(std::fs::read(model.path).unwrap(), b"other");
    let error = world
        .pull("hf://owner/model/q5.gguf")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("there is no file `q5.gguf`"), "{error}");
}

#[tokio::test]
async fn what_other_tools_of_the_hub_have_is_taken_from_there() {
    let world = World::new(Fault::NotFound, NO_PIP).await;
    let repository = world.folder.path().join("hf/models--owner--model");
    let snapshot = repository.join("snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(repository.join("refs")).unwrap();
    std::fs::write(repository.join("refs/main"), COMMIT).unwrap();
    std::fs::write(snapshot.join("model.gguf"), CONTENT).unwrap();
    world.pull_small().await;
    assert!(world.hub.requests().is_empty());
}

#[tokio::test]
async fn a_wrong_file_of_other_tools_is_not_taken() {
    let world = World::new(Fault::None, NO_PIP).await;
    let repository = world.folder.path().join("hf/models--owner--model");
    let snapshot = repository.join("snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(repository.join("refs")).unwrap();
    std::fs::write(repository.join("refs/main"), COMMIT).unwrap();
    std::fs::write(snapshot.join("model.gguf"), b"something else").unwrap();
    world.pull_small().await;
    assert_eq!(world.hub.downloads(), 1);
    assert_eq!(
        std::fs::read(snapshot.join("model.gguf")).unwrap(),
        b"something else"
    );
}

#[tokio::test]
async fn references_that_lead_nowhere_say_what_was_meant() {
    let world = World::new(Fault::None, NO_PIP).await;
    let cases = [
        (
            "smal",
            "did you mean `small`? (it has, the most alike first: small)",
        ),
        ("owner/model", "for the hub write hf://owner/model"),
        ("./nothing.gguf", "there is no model at `./nothing.gguf`"),
    ];
    for (reference, expected) in cases {
        let error = world.pull(reference).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{reference}: {error}");
    }
    assert!(world.hub.requests().is_empty());
}

/// All files below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
