//! Dynamic batching: calls that come at about the same time are answered together.
//!
//! ```text
//! cargo run -p llm-apps --example batching
//! 20 calls in 3 batches: [8, 8, 4]
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use llm_apps::stage::batch::{BatchOptions, BatchStage, Batched};
use llm_apps::stage::{Call, CallError, StageError};
use parking_lot::Mutex;

/// A model that takes as long for many texts as for one.
struct Lengths {
    batches: Arc<Mutex<Vec<usize>>>,
}

impl BatchStage for Lengths {
    type Input = String;
    type Output = usize;

    async fn call_batch(
        &self,
        texts: Vec<String>,
    ) -> Result<Vec<Result<usize, StageError>>, StageError> {
        self.batches.lock().push(texts.len());
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(texts.iter().map(|text| Ok(text.chars().count())).collect())
    }
}

#[tokio::main]
async fn main() -> Result<(), CallError> {
    let batches: Arc<Mutex<Vec<usize>>> = Arc::default();
    let noted = Arc::clone(&batches);
    let options = BatchOptions {
        max_batch_size: 8,
        ..BatchOptions::default()
    };
    let config = DeploymentConfig {
        // As many as wait for batches and are in them.
        max_ongoing_requests: 32,
        ..DeploymentConfig::default()
    };
    let make = move || {
        let batches = Arc::clone(&noted);
        Batched::new(Lengths { batches }, options)
    };
    let lengths = Deployment::start("lengths", config, Blueprint::of(1, make), &Host::new(1));
    let (handle, call) = (lengths.handle(), Call::new("first"));
    let texts = (0..20).map(|n| handle.call(format!("text {n}"), &call));
    let answers = try_join_all(texts).await?;
    let batches = batches.lock().clone();
    println!(
        "{} calls in {} batches: {batches:?}",
        answers.len(),
        batches.len()
    );
    lengths.shut_down().await;
    Ok(())
}
