//! Files that are whole are used; others never are.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::footer::{CHUNK, Footer, sum};
use super::place::{PackedPlace, Unusable};
use crate::Isa;
use crate::kernels::{Format, Kernels, PackedMatrix, PackedSegment, SegmentKey, TensorBytes};

fn kernels() -> Kernels {
    Kernels::new(NonZeroUsize::new(2).unwrap(), Some(Isa::Portable)).unwrap()
}

fn place(folder: &Path, model: u8) -> PackedPlace {
    PackedPlace::new(folder, Path::new("model.gguf"), [model; 32], Isa::Portable)
}

/// A matrix of counting bytes; its blocks decode to some numbers.
fn bytes(format: Format, rows: usize, cols: usize) -> Vec<u8> {
    let len = format.tensor_bytes(rows, cols).unwrap();
    (0..len)
        .map(|i| u8::try_from(i * 37 % 101).unwrap())
        .collect()
}

/// Packs two matrices, one of them of two parts and larger than a chunk.
fn pack(kernels: &Kernels) -> [PackedMatrix; 2] {
    let shapes = [
        (Format::Q8_0, 600, 4096),
        (Format::Q4_1, 40, 4096),
        (Format::F16, 17, 48),
    ];
    let tensors =
        shapes.map(|(format, rows, cols)| (format, rows, cols, bytes(format, rows, cols)));
    let [a, b, c] = [0, 1, 2].map(|i| {
        let (format, rows, cols, bytes) = &tensors[i];
        TensorBytes {
            format: *format,
            rows: *rows,
            cols: *cols,
            bytes,
        }
    });
    [&[a, b][..], &[c][..]].map(|parts| PackedMatrix::pack(kernels, parts).unwrap())
}

/// What a row of each matrix decodes to.
fn rows(matrices: &[PackedMatrix; 2]) -> Vec<Vec<u32>> {
    let row = |matrix: &PackedMatrix| {
        let mut out = vec![0.0; matrix.cols()];
        matrix.row(matrix.rows() - 1, &mut out);
        out.into_iter().map(f32::to_bits).collect()
    };
    matrices.iter().map(row).collect()
}

/// Packs and saves; what was packed.
fn saved(place: &PackedPlace) -> [PackedMatrix; 2] {
    let kernels = kernels();
    kernels.note_packed();
    let packed = pack(&kernels);
    kernels.packed(|segments| place.save(segments)).unwrap();
    packed
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_was_kept_is_taken_instead_of_packing() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(&folder.path().join("new/folder"), 1);
    let kernels = kernels();
    assert!(place.open(&kernels).unwrap().is_none());
    let packed = saved(&place);
    let (file, segments) = place.open(&kernels).unwrap().unwrap();
    assert_eq!(segments.len(), 3);
    assert!(segments[0].bytes > CHUNK);
    kernels.take_packed(file, segments);
    assert_eq!(rows(&pack(&kernels)), rows(&packed));
    // There is no fourth one, and packing is not what was asked for.
    let bytes = bytes(Format::F32, 1, 1);
    let tensor = TensorBytes {
        format: Format::F32,
        rows: 1,
        cols: 1,
        bytes: &bytes,
    };
    let error = PackedMatrix::pack(&kernels, &[tensor]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "segment 3 of the packed weights is not F32 of 1 x 1"
    );
}

#[test]
fn segments_of_another_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path(), 1);
    saved(&place);
    let kernels = kernels();
    let (file, mut segments) = place.open(&kernels).unwrap().unwrap();
    segments[0].key.rows -= 1;
    kernels.take_packed(file, segments);
    let bytes = bytes(Format::Q8_0, 600, 4096);
    let tensor = TensorBytes {
        format: Format::Q8_0,
        rows: 600,
        cols: 4096,
        bytes: &bytes,
    };
    assert!(PackedMatrix::pack(&kernels, &[tensor]).is_err());
}

#[test]
fn a_file_of_another_model_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (place(folder.path(), 1), place(folder.path(), 2));
    saved(&one);
    fs::rename(one.path(), other.path()).unwrap();
    assert_eq!(other.open(&kernels()).unwrap_err(), Unusable::Other);
}

#[test]
fn no_instruction_set_takes_a_file_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let isas = [Isa::Portable, Isa::Avx2, Isa::Avx512Vnni, Isa::Amx];
    let places =
        isas.map(|isa| PackedPlace::new(folder.path(), Path::new("model.gguf"), [1; 32], isa));
    for (index, place) in places.iter().enumerate() {
        saved(place);
        for other in &places[index + 1..] {
            assert!(other.open(&kernels()).unwrap().is_none());
            // Not even under its name.
            fs::copy(place.path(), other.path()).unwrap();
            assert_eq!(other.open(&kernels()).unwrap_err(), Unusable::Other);
            fs::remove_file(other.path()).unwrap();
        }
    }
    assert_eq!(files(folder.path()).len(), isas.len());
}

#[test]
fn what_was_packed_before_the_model_changed_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    saved(&place(folder.path(), 1));
    let strangers = PackedPlace::new(folder.path(), Path::new("b.gguf"), [1; 32], Isa::Portable);
    saved(&strangers);
    saved(&place(folder.path(), 2));
    let mut left = files(folder.path());
    left.sort();
    let mut expected = [strangers, place(folder.path(), 2)].map(|place| place.path().to_owned());
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn two_writers_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path(), 1);
    let partial = fs::File::create(place.path().with_extension("part")).unwrap();
    partial.lock().unwrap();
    saved(&place);
    assert!(!place.path().exists(), "another process is writing it");
    drop(partial);
    saved(&place);
    assert!(place.open(&kernels()).unwrap().is_some());
}

#[test]
fn damage_anywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path(), 1);
    saved(&place);
    let whole = fs::read(place.path()).unwrap();
    let kernels = kernels();
    let found = |bytes: &[u8]| {
        fs::write(place.path(), bytes).unwrap();
        place.open(&kernels).map(|file| file.is_some())
    };
    assert_eq!(found(&whole), Ok(true));
    let places = (0..whole.len()).step_by(whole.len() / 40);
    for at in places.chain(whole.len() - 300..whole.len()) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert_eq!(found(&damaged), Err(Unusable::Damaged), "byte {at}");
    }
    for len in [0, 1, 15, 16, whole.len() / 2, whole.len() - 1] {
        assert_eq!(found(&whole[..len]), Err(Unusable::Damaged), "{len} bytes");
    }
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn footers_come_back(
        identity: [u8; 32],
        data in prop::collection::vec(any::<u8>(), 0..200),
        segments in prop::collection::vec(
            (0..Format::ALL.len(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()), 0..5),
    ) {
        let footer = Footer {
            identity,
            data_bytes: data.len(),
            segments: segments
                .into_iter()
                .map(|(format, rows, cols, start, bytes)| PackedSegment {
                    key: SegmentKey {
                        format: Format::ALL[format],
                        rows: rows as usize,
                        cols: cols as usize,
                    },
                    start: start as usize,
                    bytes: bytes as usize,
                })
                .collect(),
            sums: data.chunks(CHUNK).map(sum).collect(),
        };
        let file = [data, footer.encode()].concat();
        prop_assert_eq!(Footer::decode(&file), Some(footer));
    }

    /// Whatever a file holds, even with a checksum that is right, reading it ends.
    #[test]
    fn anything_is_read_without_harm(
        mut file in prop::collection::vec(any::<u8>(), 0..400),
        length in 0..400_u64,
    ) {
        let footer = usize::try_from(length).unwrap().min(file.len());
        let sum = sum(&file[file.len() - footer..]);
        file.extend(length.to_le_bytes());
        file.extend(sum.to_le_bytes());
        Footer::decode(&file);
    }
}

/// What the kernels make of each format, as files hold it. A change that fails here must raise
/// `LAYOUT` in `place`, so that no file of before is read as one of after, and then this number.
#[test]
fn the_layout_is_the_one_that_its_version_names() {
    let kernels = kernels();
    kernels.note_packed();
    for format in Format::ALL {
        let bytes = bytes(format, 19, 256);
        let tensor = TensorBytes {
            format,
            rows: 19,
            cols: 256,
            bytes: &bytes,
        };
        PackedMatrix::pack(&kernels, &[tensor]).unwrap();
    }
    let all = kernels.packed(|segments| {
        segments
            .iter()
            .map(|(_, bytes)| *bytes)
            .collect::<Vec<_>>()
            .concat()
    });
    assert_eq!(
        sum(&all),
        8_782_817_197_990_646_682,
        "of {} bytes",
        all.len()
    );
}
