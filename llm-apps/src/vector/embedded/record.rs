//! Values of the file as bytes and back, each behind its checksum.

use serde::{Deserialize, Serialize};

use super::store::Fault;
use crate::vector::point::{Metadata, Record};

/// What stands in the table of records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) metadata: Metadata,
    /// Words of the text.
    pub(super) words: u32,
}

impl Stored {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Fault> {
        let body = serde_json::to_vec(self)
            .map_err(|error| Fault::Storage(format!("a record cannot be written: {error}")))?;
        Ok(seal(body))
    }

    pub(super) fn read(slot: u32, bytes: &[u8]) -> Result<Self, Fault> {
        let body = unseal(bytes).ok_or_else(|| damaged("record", slot))?;
        serde_json::from_slice(body).map_err(|_| damaged("record", slot))
    }

    pub(super) fn into_record(self) -> Record {
        Record {
            id: self.id,
            text: self.text,
            metadata: self.metadata,
        }
    }
}

pub(super) fn vector_bytes(vector: &[f32]) -> Vec<u8> {
    seal(
        vector
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    )
}

/// Reads a vector into `vector`, whose length it must have.
pub(super) fn read_vector(slot: u32, bytes: &[u8], vector: &mut [f32]) -> Result<(), Fault> {
    let body = unseal(bytes).filter(|body| body.len() == vector.len() * 4);
    let (numbers, _) = body
        .ok_or_else(|| damaged("vector", slot))?
        .as_chunks::<4>();
    for (value, number) in vector.iter_mut().zip(numbers) {
        *value = f32::from_le_bytes(*number);
    }
    Ok(())
}

/// The body behind its checksum.
pub(super) fn seal(mut body: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&body).to_le_bytes();
    body.splice(0..0, sum);
    body
}

/// The body, if the checksum is right.
pub(super) fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, body) = bytes.split_first_chunk::<4>()?;
    (crc32fast::hash(body) == u32::from_le_bytes(*sum)).then_some(body)
}

pub(super) fn damaged(what: &str, slot: u32) -> Fault {
    Fault::Corrupt(format!("the {what} at slot {slot} is not what was written"))
}
