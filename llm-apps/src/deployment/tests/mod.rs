//! Deployments on a virtual clock.

mod admission;
mod composition;
mod fixture;
mod health;
mod rollout;
mod routing;
mod scaling;
mod steps;
