//! The byte alphabet of GPT-2's byte-level BPE: each byte is written as one printable character.
//!
//! Printable Latin-1 characters stand for themselves; the other bytes, in order, are written as the
//! characters from U+0100 on (<https://github.com/openai/gpt-2/blob/master/src/encoder.py>,
//! `bytes_to_unicode`).

/// Characters of the alphabet are below this.
const END: usize = 0x100 + 68;

/// From characters of the alphabet to bytes.
pub(super) struct ByteAlphabet {
    bytes: [Option<u8>; END],
}

impl ByteAlphabet {
    pub(super) fn new() -> Self {
        let mut bytes = [None; END];
        let mut next = 0x100;
        for byte in 0..=u8::MAX {
            let character = if is_printable(byte) {
                usize::from(byte)
            } else {
                next += 1;
                next - 1
            };
            bytes[character] = Some(byte);
        }
        Self { bytes }
    }

    /// The bytes that `text` spells; `None` when a character is not of the alphabet.
    pub(super) fn decode(&self, text: &str) -> Option<Vec<u8>> {
        text.chars()
            .map(|c| self.bytes.get(c as usize).copied().flatten())
            .collect()
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff)
}
