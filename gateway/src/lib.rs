#![forbid(unsafe_code)]
//! The front door.

mod admission;
mod config;
mod edge;
mod error;
mod lifecycle;
pub mod openai;
mod telemetry;
