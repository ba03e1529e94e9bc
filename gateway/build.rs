//! Makes Rust of `proto/penstock.proto`. The compiler of Protocol Buffers is a library, so that nothing has
//! to be installed for a build.

use std::error::Error;
use std::path::PathBuf;

use protox::prost::Message;

#[expect(
    clippy::disallowed_methods,
    reason = "so cargo and a build script speak to each other"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/penstock.proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let files = protox::compile(["penstock.proto"], ["proto"])?;
    std::fs::write(out.join("penstock.bin"), files.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .compile_fds(files.clone())?;
    // Tests are clients.
    let client = out.join("client");
    std::fs::create_dir_all(&client)?;
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .out_dir(client)
        .compile_fds(files)?;
    Ok(())
}
