//! Where tests find the real model: the one place that reads the tests' environment.

use std::path::PathBuf;

/// The GGUF file of SmolLM2-135M-Instruct. `make test` fetches it and says where it is.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the tests' environment"
)]
pub(crate) fn model_path() -> PathBuf {
    match std::env::var_os("PENSTOCK_TEST_MODEL") {
        Some(path) => PathBuf::from(path),
        None => panic!(
            "PENSTOCK_TEST_MODEL is not set; `make test` sets it, or give the path of the GGUF file \
             that `penstock pull smollm2-135m-instruct` prints"
        ),
    }
}
