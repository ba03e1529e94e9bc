//! A classifier as a deployment: the sentiment of a text.
//!
//! ```text
//! cargo run -p llm-apps --example sentiment      # fetches DistilBERT's for English from the hub
//! cargo run -p llm-apps --example sentiment -- FOLDER "What an awful day."
//! {"label":"POSITIVE","score":0.9998}
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

#[path = "support/fetch.rs"]
mod fetch;

use std::error::Error;

use engine::{Classifier, EncoderConfig};
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host};
use llm_apps::stage::{Call, Stage, StageError};
use serde_json::{Value, json};

const ON_THE_HUB: &str = "hf://distilbert/distilbert-base-uncased-finetuned-sst-2-english";

struct Sentiment {
    model: Classifier,
}

impl Stage for Sentiment {
    type Input = String;
    type Output = Value;

    async fn call(&self, text: String, _: &Call) -> Result<Value, StageError> {
        let found = self.model.classify(vec![text.into()]).await?;
        let best = found.first().and_then(|scores| scores.best());
        let (index, score) = best.ok_or_else(|| StageError::failed("the model has no labels"))?;
        Ok(json!({ "label": self.model.labels()[index], "score": score }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments.next();
    let text = arguments
        .next()
        .unwrap_or_else(|| "This is great!".to_owned());
    let folder = fetch::folder(source.as_deref().unwrap_or(ON_THE_HUB)).await?;
    let open = move || Classifier::open(&folder, &EncoderConfig::default());
    let model = tokio::task::spawn_blocking(open).await??;
    // Replicas share the model, and with it the batches that it makes of what is asked at a time.
    let make = move || Sentiment {
        model: model.clone(),
    };
    let config = DeploymentConfig::default();
    let sentiment = Deployment::start("Sentiment", config, Blueprint::of(1, make), &Host::new(1));
    let call = Call::new("first");
    println!("{}", sentiment.handle().call(text, &call).await?);
    sentiment.shut_down().await;
    Ok(())
}
