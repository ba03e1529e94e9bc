//! The house rules that a compiler does not check, as tests: who may know whom, how large a room
//! may be, and that each says what it is for. ARCHITECTURE.md lists the same rules by number.

#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod layers;
mod rooms;
mod source;
