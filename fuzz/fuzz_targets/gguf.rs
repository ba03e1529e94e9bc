//! Any bytes, read as a GGUF file, end in an error or in a sound file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| engine::gguf::fuzz::exercise(bytes));
