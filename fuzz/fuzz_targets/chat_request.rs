//! Any bytes, read as the body of a request, end in a proved request or in an error with words.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(gateway::openai::check_any_body(bytes), Ok(()));
});
