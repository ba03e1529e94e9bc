//! Why AMX is not used on a machine.

use thiserror::Error;

/// What stands between a process and the tile registers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AmxError {
    /// The processor has no tiles, no int8 products of tiles, or not AVX-512 VNNI beside them; or the
    /// program was built for another system than Linux.
    #[error("the processor has no AMX tiles with int8 products")]
    Missing,
    /// The operating system does not keep the registers when threads change.
    #[error("the operating system has not switched AMX tiles on")]
    Disabled,
    /// Linux does not let this process use them.
    #[error("the operating system refuses this process the AMX tiles: {reason}")]
    Refused {
        /// Its words.
        reason: String,
    },
    /// The instructions run, and their results are wrong.
    #[error("products of AMX tiles are not what they should be on this machine")]
    Differs,
}
