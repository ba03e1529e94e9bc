//! Three stages under a load that doubles and falls, each scaling by its own load, on a virtual clock.
//!
//! Writes what happened as a table and as a picture:
//!
//! ```text
//! cargo run -p llm-apps --example scaling -- docs/scaling
//! ```
//!
//! makes `docs/scaling.csv` and `docs/scaling.svg`. A quarter of an hour passes in some seconds, and
//! passes in the same way each time.

mod plot;
mod world;

use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let stem = std::env::args_os()
        .nth(1)
        .unwrap_or_else(|| "scaling".into());
    let stem = PathBuf::from(stem);
    let seen = world::simulate()?;
    std::fs::write(stem.with_extension("csv"), world::table(&seen))?;
    std::fs::write(stem.with_extension("svg"), plot::svg(&seen))
}
