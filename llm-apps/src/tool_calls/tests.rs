//! Parsers, answer by answer and piece by piece.

mod chunks;
mod parsed;
