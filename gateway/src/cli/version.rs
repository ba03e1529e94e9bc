//! `penstock version`.

use anyhow::Result;

use super::terminal::Terminal;

/// Prints name and version.
pub(super) fn version(terminal: &mut Terminal) -> Result<()> {
    terminal.line(concat!("penstock ", env!("CARGO_PKG_VERSION")))?;
    Ok(())
}
