//! Right files are read as they were written; wrong ones are told apart; no bytes at all make the
//! reader panic.

use proptest::prelude::*;

use super::builder::{Builder, array, string};
use super::fuzz::exercise;
use super::tensor::GgmlType;
use super::{GgufError, GgufFile};

/// A file with each kind of value and a few tensors.
fn sample() -> Builder {
    Builder::new()
        .str("general.architecture", "llama")
        .u32("llama.block_count", 30)
        .f32("llama.rope.freq_base", 1e5)
        .bool("tokenizer.ggml.add_bos_token", false)
        .strs("tokenizer.ggml.tokens", &["a", "b\u{120}", ""])
        .i32s("tokenizer.ggml.token_type", &[1, 3, -4])
        .raw("nested", array(9, 1, [nested(2)].into_iter()))
        .tensor(
            "token_embd.weight",
            &[2, 3],
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        )
        .raw_tensor("q", &[1, 32], GgmlType::Q4_1, vec![7; 20])
        .tensor("norm", &[3], &[0.5; 3])
}

/// `depth` arrays of one array, around an empty array of u8; without the outermost type number.
fn nested(depth: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..depth {
        bytes.extend(9_u32.to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
    }
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes
}

fn fails(bytes: Vec<u8>) -> String {
    GgufFile::parse(bytes).unwrap_err().to_string()
}

#[test]
fn values_and_tensors_come_back() {
    for version in [2, 3] {
        let mut builder = sample();
        builder.version = version;
        let file = GgufFile::parse(builder.build()).unwrap();
        assert_eq!(file.version(), version);
        let metadata = file.metadata();
        assert_eq!(
            metadata.require::<&str>("general.architecture").unwrap(),
            "llama"
        );
        assert_eq!(metadata.require::<u32>("llama.block_count").unwrap(), 30);
        assert_eq!(metadata.require::<u64>("llama.block_count").unwrap(), 30);
        assert_eq!(
            metadata.get::<f32>("llama.rope.freq_base").unwrap(),
            Some(1e5)
        );
        assert_eq!(
            metadata
                .get::<bool>("tokenizer.ggml.add_bos_token")
                .unwrap(),
            Some(false)
        );
        assert_eq!(
            metadata
                .require::<Vec<&str>>("tokenizer.ggml.tokens")
                .unwrap(),
            ["a", "b\u{120}", ""]
        );
        assert_eq!(
            metadata
                .require::<Vec<i32>>("tokenizer.ggml.token_type")
                .unwrap(),
            [1, 3, -4]
        );
        assert_eq!(metadata.get::<u32>("absent").unwrap(), None);
        assert!(metadata.contains("nested"));

        let embedding = file.tensor("token_embd.weight").unwrap();
        assert_eq!(embedding.shape, [2, 3]);
        assert_eq!(embedding.ggml_type, GgmlType::F32);
        assert_eq!(embedding.bytes[4..8], 2.0_f32.to_le_bytes());
        assert_eq!(file.tensor("q").unwrap().bytes, [7; 20]);
        let names: Vec<_> = file.tensors().map(|tensor| tensor.name).collect();
        assert_eq!(names, ["token_embd.weight", "q", "norm"]);
    }
}

#[test]
fn getters_name_key_expected_and_found_type() {
    let file = GgufFile::parse(sample().build()).unwrap();
    let metadata = file.metadata();
    let wrong = [
        (
            metadata.get::<u32>("general.architecture").map(drop),
            r#"metadata "general.architecture" must be a u32, but is string "llama""#,
        ),
        (
            metadata.get::<f32>("llama.block_count").map(drop),
            r#"metadata "llama.block_count" must be an f32, but is u32 30"#,
        ),
        (
            metadata.get::<u32>("tokenizer.ggml.tokens").map(drop),
            r#"metadata "tokenizer.ggml.tokens" must be a u32, but is an array of 3 string"#,
        ),
        (
            metadata.get::<Vec<u32>>("llama.block_count").map(drop),
            r#"metadata "llama.block_count" must be an array of u32, but is u32 30"#,
        ),
        (
            metadata
                .get::<Vec<u32>>("tokenizer.ggml.token_type")
                .map(drop),
            r#"metadata "tokenizer.ggml.token_type": must be an array of u32, but element 2 does not fit"#,
        ),
        (
            metadata.require::<u32>("llama.vocab_size").map(drop),
            r#"metadata "llama.vocab_size" is missing"#,
        ),
    ];
    for (result, message) in wrong {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
    assert_eq!(
        file.tensor("output.weight").unwrap_err().to_string(),
        r#"tensor "output.weight" is missing"#
    );
}

#[test]
fn text_that_is_not_utf8_is_an_error_where_it_is_read() {
    let mut value = 8_u32.to_le_bytes().to_vec();
    value.extend(1_u64.to_le_bytes());
    value.push(0xff);
    let file = GgufFile::parse(Builder::new().raw("name", value).build()).unwrap();
    let error = file.metadata().get::<&str>("name").unwrap_err();
    assert_eq!(error.to_string(), r#"metadata "name": is not valid UTF-8"#);
}

#[test]
fn headers_of_other_files_are_told_apart() {
    assert_eq!(
        fails(b"PK\x03\x04 and so on".to_vec()),
        r#"not a GGUF file: it begins with "PK\x03\x04", not with "GGUF""#
    );
    assert_eq!(
        fails(b"GG".to_vec()),
        "truncated or corrupt: the magic at byte 0 needs 4 bytes, but 2 are left"
    );
    let mut builder = sample();
    builder.version = 1;
    assert_eq!(
        fails(builder.build()),
        "GGUF version 1 is not supported; versions 2 and 3 are"
    );
    builder.version = 3_u32.swap_bytes();
    assert_eq!(
        fails(builder.build()),
        "big-endian GGUF is not supported; convert the file to little-endian"
    );
}

#[test]
fn counts_are_bounded_by_the_file() {
    let mut header = b"GGUF\x03\0\0\0".to_vec();
    header.extend(u64::MAX.to_le_bytes());
    header.extend(0_u64.to_le_bytes());
    let message = fails(header);
    assert!(
        message.contains("the number of tensors at byte 16 needs 18446744073709551615"),
        "{message}"
    );

    let mut huge_array = 9_u32.to_le_bytes().to_vec();
    huge_array.extend(8_u32.to_le_bytes());
    huge_array.extend((1_u64 << 60).to_le_bytes());
    let message = fails(Builder::new().raw("tokens", huge_array).build());
    assert!(message.contains("an array at byte"), "{message}");
}

#[test]
fn malformed_metadata_is_named() {
    let cases: [(Builder, &str); 5] = [
        (
            Builder::new().u32("twice", 1).u32("twice", 2),
            r#"metadata "twice": occurs twice"#,
        ),
        (
            Builder::new().raw("odd", 13_u32.to_le_bytes().to_vec()),
            r#"metadata "odd": value type 13 is unknown"#,
        ),
        (
            Builder::new().raw("deep", [&9_u32.to_le_bytes()[..], &nested(5)].concat()),
            r#"metadata "deep": arrays are nested more than 4 deep"#,
        ),
        (
            Builder::new().u32("general.alignment", 24),
            r#"metadata "general.alignment": must be a power of two, but is 24"#,
        ),
        (
            Builder::new().str("general.alignment", "wide"),
            r#"metadata "general.alignment" must be a u32, but is string "wide""#,
        ),
    ];
    for (builder, message) in cases {
        assert_eq!(fails(builder.build()), message);
    }
}

#[test]
fn malformed_tensors_are_named() {
    let with = |shape: &[u64], id: u32, len: usize| {
        let mut builder = Builder::new();
        builder
            .tensors
            .push(("t".to_owned(), shape.to_vec(), id, vec![0; len]));
        fails(builder.build())
    };
    for (shape, id, stored) in [
        (&[4][..], 99, "type 99"),
        (&[4], 36, "IQ4_NL_4_4 (type 36)"),
        (&[2, 576], 19, "IQ1_S"),
    ] {
        let expected = format!(
            "tensor \"t\" is stored as {stored}, which is not supported; supported are F32, F16, \
             BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K"
        );
        assert_eq!(with(shape, id, 16), expected);
    }
    assert_eq!(
        with(&[1; 5], 0, 16),
        r#"tensor "t": has 5 dimensions; 1 to 4 are possible"#
    );
    assert_eq!(
        with(&[4, 0], 0, 16),
        r#"tensor "t": has a dimension of 0 elements"#
    );
    assert_eq!(
        with(&[1 << 40, 1 << 40], 0, 16),
        r#"tensor "t": sizes [1099511627776, 1099511627776] overflow"#
    );
    assert_eq!(
        with(&[2, 48], 2, 54),
        r#"tensor "t": rows of 48 elements cannot be Q4_0, whose blocks have 32"#
    );
    assert_eq!(
        with(&[100], 0, 16),
        "tensor \"t\": its 400 bytes at offset 0 do not lie within the file's 32 bytes of data; \
         the file is truncated or corrupt"
    );
    let mut twice = sample();
    twice.tensors.push(twice.tensors[0].clone());
    assert_eq!(
        fails(twice.build()),
        r#"tensor "token_embd.weight": occurs twice"#
    );
}

#[test]
fn tensors_may_not_share_bytes() {
    let one = Builder::new().tensor("a", &[8], &[0.0; 8]).build();
    let mut two = Builder::new()
        .tensor("a", &[8], &[0.0; 8])
        .tensor("b", &[8], &[])
        .build();
    assert_eq!(two.len() % 32, 0);
    // The second begins where the first does.
    let offset = two
        .windows(8)
        .rposition(|bytes| bytes == 32_u64.to_le_bytes())
        .unwrap();
    two[offset] = 0;
    assert!(GgufFile::parse(one).is_ok());
    assert_eq!(
        fails(two),
        r#"tensor "b": its bytes overlap with another tensor's"#
    );
}

#[test]
fn offsets_must_be_aligned_as_the_file_says() {
    let mut builder = sample().u32("general.alignment", 64);
    assert!(fails(builder.build()).contains("offset 32 is not a multiple of the alignment 64"));
    builder.alignment = 64;
    let file = GgufFile::parse(builder.build()).unwrap();
    assert_eq!(file.tensor("q").unwrap().bytes, [7; 20]);
}

#[test]
fn every_truncation_is_an_error() {
    let whole = sample().build();
    // The last tensor's padding may be missing.
    let needed = whole.len() - (32 - 12);
    for len in 0..whole.len() {
        let result = GgufFile::parse(whole[..len].to_vec());
        assert_eq!(
            result.is_ok(),
            len >= needed,
            "cut to {len} of {}",
            whole.len()
        );
        exercise(&whole[..len]);
    }
}

#[test]
fn every_flipped_byte_gives_an_error_or_a_sound_file() {
    let whole = sample().build();
    for index in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[index] ^= flip;
            exercise(&bytes);
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent.gguf");
    let error = GgufFile::open(&path).unwrap_err();
    assert!(matches!(&error, GgufError::Io { path: named, .. } if *named == path));
    let error = GgufFile::open(dir.path()).unwrap_err();
    assert!(error.to_string().ends_with("not a regular file"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn garbage_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..400), header: bool) {
        if header && bytes.len() >= 8 {
            bytes[..8].copy_from_slice(b"GGUF\x03\0\0\0");
        }
        exercise(&bytes);
    }

    #[test]
    fn several_changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = sample().build();
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        exercise(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        exercise(&bytes);
    }

    #[test]
    fn strings_come_back(texts in prop::collection::vec(".{0,12}", 0..8)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let file = GgufFile::parse(Builder::new().strs("texts", &texts).build()).unwrap();
        prop_assert_eq!(file.metadata().require::<Vec<&str>>("texts").unwrap(), texts);
    }
}

#[test]
fn the_builder_writes_what_the_format_says() {
    let bytes = Builder::new().u32("k", 5).build();
    let expected = [
        b"GGUF".to_vec(),
        3_u32.to_le_bytes().to_vec(),
        0_u64.to_le_bytes().to_vec(),
        1_u64.to_le_bytes().to_vec(),
        string("k"),
        4_u32.to_le_bytes().to_vec(),
        5_u32.to_le_bytes().to_vec(),
    ]
    .concat();
    assert_eq!(bytes[..expected.len()], expected);
}
