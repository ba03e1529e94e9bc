//! What the disk holds is whole and of this model, or it is not there.

use std::fs;
use std::path::PathBuf;

use crate::kv_cache::BlockHash;
use crate::kv_tiers::disk::DiskTier;

const MODEL: [u8; 32] = [1; 32];
const BYTES: u8 = 100;

fn hash(name: u8) -> BlockHash {
    BlockHash::from_bytes([name; 16])
}

fn content(seed: u8) -> Vec<u8> {
    (0..BYTES).map(|i| i.wrapping_mul(seed)).collect()
}

/// The one file in the model's folder.
fn only_file(root: &std::path::Path) -> PathBuf {
    let folder = fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
}

#[test]
fn blocks_are_read_back_by_another_start() {
    let root = tempfile::tempdir().unwrap();
    let disk = DiskTier::open(root.path(), MODEL, usize::from(BYTES)).unwrap();
    for name in [3, 1, 2] {
        disk.write(hash(name), &content(name)).unwrap();
    }
    disk.delete(hash(2));
    let again = DiskTier::open(root.path(), MODEL, usize::from(BYTES)).unwrap();
    let mut names = again.list().unwrap();
    names.sort();
    assert_eq!(names, [hash(1), hash(3)]);
    assert_eq!(again.read(hash(3)), Some(content(3)));
    assert_eq!(again.read(hash(2)), None);
}

#[test]
fn every_damaged_file_is_a_miss_and_is_removed() {
    let whole = {
        let root = tempfile::tempdir().unwrap();
        let disk = DiskTier::open(root.path(), MODEL, usize::from(BYTES)).unwrap();
        disk.write(hash(1), &content(9)).unwrap();
        fs::read(only_file(root.path())).unwrap()
    };
    let mut damaged: Vec<Vec<u8>> = (0..whole.len())
        .map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        })
        .collect();
    damaged.extend([0, 1, 87, 88, whole.len() - 1].map(|len| whole[..len].to_vec()));
    damaged.push([&whole[..], b"x"].concat());
    let root = tempfile::tempdir().unwrap();
    let disk = DiskTier::open(root.path(), MODEL, usize::from(BYTES)).unwrap();
    for bytes in damaged {
        disk.write(hash(1), &content(9)).unwrap();
        let path = only_file(root.path());
        fs::write(&path, &bytes).unwrap();
        assert_eq!(disk.read(hash(1)), None, "{} bytes", bytes.len());
        assert!(!path.exists());
    }
}

#[test]
fn another_model_finds_nothing() {
    let root = tempfile::tempdir().unwrap();
    let disk = DiskTier::open(root.path(), MODEL, usize::from(BYTES)).unwrap();
    disk.write(hash(1), &content(1)).unwrap();
    let file = only_file(root.path());
    let other = DiskTier::open(root.path(), [2; 32], usize::from(BYTES)).unwrap();
    assert_eq!(other.list().unwrap(), []);
    // Even where somebody moves the file to it, or gives it another block's name.
    let place = root
        .path()
        .join("02".repeat(16))
        .join(file.file_name().unwrap());
    fs::copy(&file, place).unwrap();
    assert_eq!(other.read(hash(1)), None);
    let name = file.with_file_name("05".repeat(16)).with_extension("kv");
    fs::copy(&file, name).unwrap();
    assert_eq!(disk.read(hash(5)), None);
    assert_eq!(disk.read(hash(1)), Some(content(1)));
}

#[test]
fn leftovers_are_swept_away() {
    let root = tempfile::tempdir().unwrap();
    let disk = DiskTier::open(root.path(), MODEL, usize::from(BYTES)).unwrap();
    disk.write(hash(1), &content(1)).unwrap();
    let file = only_file(root.path());
    for name in ["half.part", "notes.txt", "zz.kv"] {
        fs::write(file.with_file_name(name), "x").unwrap();
    }
    fs::write(
        file.with_file_name("04".repeat(16)).with_extension("kv"),
        "short",
    )
    .unwrap();
    assert_eq!(disk.list().unwrap(), [hash(1)]);
    assert_eq!(only_file(root.path()), file);
}
