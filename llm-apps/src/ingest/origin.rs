//! Where a file lies, told from the base of its collection.
//!
//! A file's name in a collection is its path as it was reached, which is what readers want to see. It does
//! not tell files apart: `docs/a.md` of two working directories are two files, and `docs/a.md` and its
//! absolute path are one.

use std::io;
use std::path::{self, Component, Path, PathBuf};

/// The key of a chunk's metadata that holds it.
pub(super) const ORIGIN: &str = "ingested_from";

/// A folder, whole and without `.` and `..`.
#[derive(Debug, Clone)]
pub(super) struct Base(PathBuf);

impl Base {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let named = !folder.as_os_str().is_empty();
        let folder = if named { folder } else { Path::new(".") };
        Ok(Self(whole(&path::absolute(folder)?)))
    }

    /// The way from here to `path`, with `/` between folders.
    pub(super) fn origin(&self, path: &Path) -> io::Result<String> {
        let path = whole(&path::absolute(path)?);
        let shared = self.0.components().zip(path.components());
        let shared = shared.take_while(|(a, b)| a == b).count();
        let up = self
            .0
            .components()
            .skip(shared)
            .map(|_| Component::ParentDir);
        let way: PathBuf = up.chain(path.components().skip(shared)).collect();
        Ok(way.to_string_lossy().replace(path::MAIN_SEPARATOR, "/"))
    }

    /// Whether what lies at `origin` is `root` or below it.
    pub(super) fn is_below(&self, origin: &str, root: &Path) -> io::Result<bool> {
        Ok(whole(&self.0.join(origin)).starts_with(whole(&path::absolute(root)?)))
    }
}

/// Without `..`, by its words alone: links are not followed.
fn whole(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Base;

    #[test]
    fn files_are_told_apart_from_where_the_base_is() {
        let base = Base::new(Path::new("/a/configs")).unwrap();
        let origin = |path: &str| base.origin(Path::new(path)).unwrap();
        assert_eq!(origin("/a/docs/x.md"), "../docs/x.md");
        assert_eq!(origin("/a/./configs/../docs/x.md"), "../docs/x.md");
        assert_eq!(origin("/a/configs/x.md"), "x.md");
        // Moved together, they are the same.
        let moved = Base::new(Path::new("/b/c/configs")).unwrap();
        assert_eq!(
            moved.origin(Path::new("/b/c/docs/x.md")).unwrap(),
            "../docs/x.md"
        );
        let below = |root: &str| base.is_below("../docs/x.md", Path::new(root)).unwrap();
        assert!(below("/a/docs") && below("/a/docs/x.md") && below("/"));
        assert!(!below("/a/doc") && !below("/b"));
    }
}
