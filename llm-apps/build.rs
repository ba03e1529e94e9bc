//! Makes Rust of `proto/replica.proto`. The compiler of Protocol Buffers is a library, so that nothing has to
//! be installed for a build.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/replica.proto");
    let files = protox::compile(["replica.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(files)?;
    Ok(())
}
