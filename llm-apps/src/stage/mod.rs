//! Stages: what a deployment runs. One room each.

pub mod generate;
