//! Where tests find the second real model.

use std::path::PathBuf;

/// The GGUF file of Gemma 3 270M. `make test` fetches it and says where it is.
#[expect(
    clippy::disallowed_methods,
    reason = "with `support/mod.rs` the place that reads the tests' environment"
)]
pub(crate) fn gemma_path() -> PathBuf {
    match std::env::var_os("PENSTOCK_TEST_GEMMA") {
        Some(path) => PathBuf::from(path),
        None => panic!(
            "PENSTOCK_TEST_GEMMA is not set; `make test` sets it, or give the path of the GGUF file \
             that `penstock pull gemma3-270m` prints"
        ),
    }
}
