//! `penstock completions SHELL`.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::terminal::Terminal;

/// Prints the script that makes a shell complete our arguments.
pub(super) fn completions(shell: Shell, terminal: &mut Terminal) -> Result<()> {
    // Gathered first: the generator takes a failed write, as of a closed pipe, for a bug.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "penstock", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(())
}
