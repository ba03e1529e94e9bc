//! The loop of the engine's thread.

use crate::core::command::Command;
use crate::core::engine_core::Core;
use crate::core::mailbox::Inbox;
use crate::error::EngineError;

/// Steps while there are requests, sleeps while there are none, and ends on [`Command::Shutdown`],
/// which is always the last one: every request that was accepted is told.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the thread owns the inbox: when it ends, however it ends, the mailbox closes"
)]
pub(crate) fn run(mut core: Core, inbox: Inbox) {
    while take_in(&mut core, &inbox) {
        core.step();
    }
    core.end_all(&EngineError::ShuttingDown);
    core.close_tiers();
}

/// Accepts what has arrived, waiting for it only when there is nothing else to do. `false` when the
/// loop must end.
fn take_in(core: &mut Core, inbox: &Inbox) -> bool {
    if core.is_idle() {
        match inbox.commands.recv() {
            Ok(Command::Submit(submission)) => core.accept(*submission),
            Ok(Command::Shutdown) | Err(_) => return false,
        };
    }
    for command in inbox.commands.try_iter() {
        match command {
            Command::Submit(submission) => core.accept(*submission),
            Command::Shutdown => return false,
        };
    }
    true
}
