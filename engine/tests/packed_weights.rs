//! Weights that are mapped from their packed file say what weights that were packed say, bit for bit.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{EngineConfig, GenerateRequest, Isa, SamplingParams, TokenEvent, open};

/// Tokens with the bits of their log-probabilities, of a model that starts now.
fn said(folder: Option<&Path>, isa: Option<Isa>) -> Vec<(u32, u32)> {
    let config = EngineConfig {
        kv_cache_bytes: 32 << 20,
        max_model_len: Some(512),
        packed_weights: folder.map(Path::to_owned),
        isa,
        ..EngineConfig::default()
    };
    let model = open(&support::model_path(), &config).unwrap();
    let params = SamplingParams {
        temperature: 0.0,
        max_tokens: 8,
        ignore_eos: true,
        logprobs: Some(0),
        ..SamplingParams::default()
    };
    let prompt: Vec<u32> = (300..340).collect();
    let limits = model.engine.limits();
    let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &limits).unwrap();
    let mut stream = model.engine.submit(request).unwrap();
    let mut said = Vec::new();
    while let Some(event) = stream.recv() {
        match event {
            TokenEvent::Token { id, logprobs, .. } => {
                said.push((id, logprobs.unwrap().logprob.to_bits()));
            }
            TokenEvent::Done { .. } => {}
            event @ (TokenEvent::Prompt(_) | TokenEvent::Failed(_)) => panic!("{event:?}"),
        }
    }
    said
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().collect();
    let [file] = files.as_slice() else {
        panic!("{files:?}")
    };
    file.as_ref().unwrap().path()
}

#[test]
fn mapped_weights_say_what_packed_ones_say() {
    let folder = tempfile::tempdir().unwrap();
    let expected = said(None, None);
    assert_eq!(said(Some(folder.path()), None), expected, "packed and kept");
    let file = only_file(folder.path());
    let written = fs::metadata(&file).unwrap();

    assert_eq!(said(Some(folder.path()), None), expected, "mapped");
    let still = fs::metadata(only_file(folder.path())).unwrap();
    assert_eq!(
        still.ino(),
        written.ino(),
        "the file was used, not made anew"
    );

    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&file, &bytes).unwrap();
    assert_eq!(said(Some(folder.path()), None), expected, "damaged");
    bytes[middle] ^= 4;
    assert!(fs::read(&file).unwrap() == bytes, "and mended");
}

#[test]
fn a_folder_that_cannot_be_written_stands_in_nobodys_way() {
    let folder = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(said(Some(folder.path()), None), said(None, None));
}

#[test]
fn instruction_sets_have_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let portable = said(Some(folder.path()), Some(Isa::Portable));
    let best = said(Some(folder.path()), None);
    assert_eq!(portable, best);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
