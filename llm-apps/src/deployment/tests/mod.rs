//! Deployments on a virtual clock.

mod admission;
mod composition;
mod fixture;
mod health;
mod models;
mod objectives;
mod prefixes;
mod readiness;
mod resources;
mod rollout;
mod routing;
mod scaling;
mod steps;
