//! The files of a folder, read without trust.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::EncoderError;
use crate::mapped::map_file;

/// Largest file that is read as a whole, in bytes; the largest `tokenizer.json` has some 35 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Most layers, and most of everything else that a description may ask for.
pub(crate) const MAX_SIZE: usize = 1 << 20;
/// The description of a model.
const CONFIG: &str = "config.json";

/// A folder with a model.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The path of a file.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// `config.json`, with its path.
    pub(crate) fn config(&self) -> Result<(PathBuf, Value), EncoderError> {
        let path = self.path(CONFIG);
        let value = self.json(CONFIG)?.ok_or_else(|| self.missing(CONFIG))?;
        Ok((path, value))
    }

    /// A JSON file; `None` when it is not there.
    pub(crate) fn json<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, EncoderError> {
        let Some(bytes) = self.bytes(file)? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&bytes);
        value
            .map(Some)
            .map_err(|error| EncoderError::corrupt(&self.path(file), error))
    }

    /// A file's bytes; `None` when it is not there.
    pub(crate) fn bytes(&self, file: &str) -> Result<Option<Vec<u8>>, EncoderError> {
        let path = self.path(file);
        let unread = |error: std::io::Error| EncoderError::Read {
            path: path.clone(),
            why: error.to_string(),
        };
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unread(error)),
        };
        let mut bytes = Vec::new();
        opened
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(unread)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let why = format!("the file has more than {MAX_FILE_BYTES} bytes");
            return Err(EncoderError::corrupt(&path, why));
        }
        Ok(Some(bytes))
    }

    /// The weights, mapped, with their path.
    pub(crate) fn weights(&self) -> Result<(PathBuf, Mmap), EncoderError> {
        let path = self.path("model.safetensors");
        match map_file(&path) {
            Ok(map) => Ok((path, map)),
            Err(error) => Err(EncoderError::Read {
                path,
                why: error.to_string(),
            }),
        }
    }

    /// A file must be there and is not.
    pub(crate) fn missing(&self, file: &str) -> EncoderError {
        EncoderError::Read {
            path: self.path(file),
            why: "the file is missing; a model is a folder as the hub has them, with config.json, \
                  tokenizer.json and model.safetensors"
                .to_owned(),
        }
    }

    /// The longest text that the tokenizer's own description speaks of, in tokens. Where it knows
    /// none it says a huge number, or nothing.
    pub(crate) fn model_max_length(&self) -> Result<Option<usize>, EncoderError> {
        let described: Option<Value> = self.json("tokenizer_config.json")?;
        let length = described.and_then(|value| value.get("model_max_length")?.as_u64());
        Ok(length
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| (1..=MAX_SIZE).contains(length)))
    }
}
