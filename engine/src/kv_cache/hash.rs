//! The name of a block's content: a chain of hashes from the first token on.

use sha2::{Digest, Sha256};

use crate::config::BLOCK_SIZE;

/// Names the tokens of a full block and of all blocks before it.
///
/// SHA-256 cut to 128 bits: tokens come from clients, and a client who could make two prefixes
/// collide would read answers computed from another's prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockHash([u8; 16]);

impl BlockHash {
    /// What the first block of a sequence has for a parent.
    pub(crate) const ROOT: Self = Self([0; 16]);

    /// Its bytes, which name the block outside this process too.
    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The hash with these bytes.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The hash of the block that holds `tokens` after a beginning named by `self`.
    #[must_use]
    pub(crate) fn child(self, tokens: &[u32; BLOCK_SIZE]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        for token in tokens {
            hasher.update(token.to_le_bytes());
        }
        let digest = hasher.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }
}
