//! Reading forward through bytes that cannot be trusted: each step proves that the bytes are there.

use super::error::GgufError;

/// A place in the file. Copies are cheap and independent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at `offset`; at the end when the offset lies beyond it.
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        let offset = offset.min(bytes.len());
        Self { bytes, offset }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes up to the end of the file.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: u64, what: &'static str) -> Result<&'a [u8], GgufError> {
        let taken = usize::try_from(len)
            .ok()
            .filter(|&len| len <= self.left())
            .ok_or_else(|| self.truncated(len, what))?;
        let bytes = &self.bytes[self.offset..][..taken];
        self.offset += taken;
        Ok(bytes)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], GgufError> {
        let error = self.truncated(N as u64, what);
        let bytes = self.take(N as u64, what)?;
        bytes.try_into().map_err(|_| error)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, GgufError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, GgufError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A count of things that take at least `min_size` bytes each: refused when so many cannot
    /// follow. What is allocated or looped over by it is thus bounded by the file's size.
    pub(super) fn count(&mut self, min_size: u64, what: &'static str) -> Result<usize, GgufError> {
        let count = self.u64(what)?;
        let needed = count.saturating_mul(min_size);
        if needed > self.left() as u64 {
            return Err(self.truncated(needed, what));
        }
        usize::try_from(count).map_err(|_| self.truncated(needed, what))
    }

    /// The bytes of a string: a length and so many bytes.
    pub(super) fn string(&mut self, what: &'static str) -> Result<&'a [u8], GgufError> {
        let len = self.u64(what)?;
        self.take(len, what)
    }

    /// A string that must be text.
    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, GgufError> {
        let offset = self.offset;
        let bytes = self.string(what)?;
        str::from_utf8(bytes).map_err(|_| GgufError::Utf8 { what, offset })
    }

    fn truncated(&self, needed: u64, what: &'static str) -> GgufError {
        GgufError::Truncated {
            what,
            offset: self.offset,
            needed,
            left: self.left(),
        }
    }
}
