//! The loop of the engine's thread.

use flume::Receiver;

use crate::core::command::Command;
use crate::core::engine_core::Core;
use crate::error::EngineError;

/// Steps while there are requests, sleeps while there are none, and ends on
/// [`Command::Shutdown`] or when nobody can send any more. Every request that was accepted by then
/// is told.
pub(crate) fn run(mut core: Core, commands: &Receiver<Command>) {
    while take_in(&mut core, commands) {
        core.step();
    }
    // Those that were submitted while the last step ran, or raced with the shutdown.
    for command in commands.try_iter() {
        if let Command::Submit(submission) = command {
            core.accept(*submission);
        }
    }
    core.end_all(&EngineError::ShuttingDown);
}

/// Accepts what has arrived, waiting for it only when there is nothing else to do. `false` when the
/// loop must end.
fn take_in(core: &mut Core, commands: &Receiver<Command>) -> bool {
    if core.is_idle() {
        match commands.recv() {
            Ok(Command::Submit(submission)) => core.accept(*submission),
            Ok(Command::Shutdown) | Err(_) => return false,
        };
    }
    for command in commands.try_iter() {
        match command {
            Command::Submit(submission) => core.accept(*submission),
            Command::Shutdown => return false,
        };
    }
    true
}
