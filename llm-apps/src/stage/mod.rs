//! Stages: what a deployment runs. One room each; beside them the trait that all of them are.

pub mod batch;
mod call;
pub mod embed;
mod error;
pub mod generate;
pub mod http;
pub mod lookup;
pub mod multiplex;
mod prefix;
pub mod process;
pub mod prompt;
mod record;
mod spent;
mod traits;
pub mod upstream;
pub mod validate;

pub use call::Call;
pub use error::{CallError, StageError};
pub use prefix::{PREFIX_BLOCK, Prefix};
pub use record::{StageTiming, TokenCount};
pub use traits::{ErasedStage, Stage, erase};
