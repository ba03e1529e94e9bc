//! Models that are computed in processes of their own, any of which may die without a reader noticing.
//!
//! The engine speaks tokens, so a replica speaks tokens too: template, tokenizer, stop strings and forms of
//! tools stay in the server's process, and the child runs an [`Engine`](engine::Engine) and nothing else.
//!
//! ```text
//!  TextModel ── Replicas ──┬── socket ── penstock replica (Engine)
//!                 │        └── socket ── penstock replica (Engine)
//!                 └ a supervisor for each: starts it, feels its pulse, says how it ended, starts it again
//! ```
//!
//! **The wire** (`proto`, `wire`, `serve`): gRPC over a Unix socket that the child inherits as its standard
//! input. There is no file to be left behind and nobody else can connect; and when the server dies, however
//! it dies, the socket closes and the child ends. `Open` compares the protocols' numbers first.
//!
//! **Flow** is HTTP/2's: each stream has a window of its own, and the connection's has room for all of them,
//! so a slow reader slows its own stream alone. Resetting a stream cancels its generation.
//!
//! **The pulse** (`pulse`): a child says a few times a second how it does. One that says nothing is frozen;
//! one that says, again and again, that it holds requests and computes no step is stuck. A long prompt is
//! many steps, so it is neither. Both are killed, which from there on is the same as a crash.
//!
//! **Failover** (`stream`): the reader's end of a generation keeps its journal: the proved request and the
//! tokens that were said. When a replica is lost, another is asked to go on behind them
//! ([`GenerateRequest::resuming`](engine::GenerateRequest::resuming)), and says exactly what the lost one
//! would have said. A request under which two replicas in a row ended without saying another token is
//! refused from then on (`quarantine`).

mod backoff;
mod cell;
mod config;
mod error;
mod logs;
mod process;
#[expect(
    unreachable_pub,
    unused_qualifications,
    clippy::absolute_paths,
    clippy::default_trait_access,
    clippy::too_many_lines,
    clippy::trivially_copy_pass_by_ref,
    reason = "generated"
)]
mod proto;
mod pulse;
mod quarantine;
mod replicas;
mod serve;
mod status;
mod stream;
mod supervisor;
#[cfg(test)]
mod tests;
mod wire;

pub use config::{Facts, Program, ReplicaConfig, ReplicasConfig};
pub use error::ReplicasError;
pub use replicas::{Opened, Replicas};
pub use serve::serve_replica;
pub use status::{ReplicaPhase, ReplicaStatus, ReplicasStatus};
pub use stream::ReplicaStream;
