//! Deployments: replicas of a stage behind one bounded queue, one router and one autoscaler.
//!
//! The way of a call: [`DeploymentHandle::call`] asks the `dispatcher` for a place at a replica. Where
//! one is free the `router` chooses it at once; else the call waits in the queue, first in, first out,
//! or is refused when the queue is full. The place is a [`Permit`]: it counts until it is dropped, with
//! the answer or with the stream that the answer is.
//!
//! The life of a replica (`replica`) is started and ended by the deployment's one task (`keeper`),
//! which does what the pure `reconcile` says: how far the replicas that are differ from those that
//! should be, and what to do about it now.

pub mod autoscaling;
mod blueprint;
mod config;
mod desired;
mod dispatcher;
mod governor;
mod handle;
mod host;
mod keeper;
pub mod machine;
mod measure;
mod owner;
mod permit;
mod reconcile;
mod reins;
mod replica;
pub mod router;
mod scaler;
mod status;
#[cfg(test)]
mod tests;
mod verdict;

pub use blueprint::Blueprint;
pub use config::{DeploymentConfig, Replicas};
pub use governor::{Governor, Realm};
pub use handle::DeploymentHandle;
pub use host::Host;
pub use measure::{DeploymentCounts, Rate};
pub use owner::Deployment;
pub use permit::Permit;
pub use reins::{Planned, StreamPart};
pub use replica::ReplicaId;
pub use status::{DeploymentState, DeploymentStatus, ReplicaState, ScalingDecision, StatusTrigger};
