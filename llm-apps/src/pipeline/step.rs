//! What a pipeline is made of.

use std::sync::Arc;

use crate::deployment::{DeploymentHandle, Rate};
use crate::payload::Payload;
use crate::template::Condition;

/// Steps, in their order. Cheap to clone where its handles are; made once for each configuration.
#[derive(Debug, Clone)]
pub struct Pipeline {
    pub(super) steps: Vec<Step>,
    pub(super) requests: Arc<Rate>,
}

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A deployment answers.
    Call(Member),
    /// One of two ways.
    Branch {
        /// Which.
        when: Condition,
        /// If it holds.
        then: Vec<Step>,
        /// If not.
        otherwise: Vec<Step>,
    },
    /// Ways that are gone at the same time, each with the variables as they are now. What they write
    /// comes together behind them; no two write the same variable.
    Parallel(Vec<Vec<Step>>),
    /// Steps that are repeated until a condition holds. The variable `attempt` counts, from 1; what the
    /// steps write and is not there yet is null in the first attempt. When
    /// the attempts are used up the pipeline goes on: a step behind looks at the condition, if it
    /// cares.
    Loop {
        /// The steps.
        steps: Vec<Step>,
        /// When it is enough.
        until: Condition,
        /// Times that they run at most, 1 or more.
        max_attempts: u32,
        /// The variables that the steps write.
        writes: Vec<String>,
    },
}

/// A deployment in its place.
#[derive(Debug, Clone)]
pub struct Member {
    /// By which it is called.
    pub handle: DeploymentHandle<Payload, Payload>,
    /// Whether it takes an answer that is still being made; others get it when it is complete.
    pub takes_stream: bool,
}

impl Pipeline {
    /// A pipeline of these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        Self {
            steps,
            requests: Arc::default(),
        }
    }

    /// How many requests come.
    pub fn requests(&self) -> &Arc<Rate> {
        &self.requests
    }
}
