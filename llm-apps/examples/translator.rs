//! A model as a deployment of two replicas: English to French by T5.
//!
//! ```text
//! cargo run -p llm-apps --example translator                # fetches hf://google-t5/t5-small
//! cargo run -p llm-apps --example translator -- FOLDER "My name is Ada."
//! [{"translation_text":"Bonjour Monde!"}]
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

#[path = "support/fetch.rs"]
mod fetch;

use std::error::Error;

use engine::TranslatorConfig;
use llm_apps::deployment::machine::{Resources, Share};
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host, Replicas};
use llm_apps::stage::{Call, Stage, StageError};
use serde_json::{Value, json};

struct Translator {
    model: engine::Translator,
}

impl Stage for Translator {
    type Input = String;
    type Output = Value;

    async fn call(&self, text: String, _: &Call) -> Result<Value, StageError> {
        let text = format!("translate English to French: {text}");
        let found = self.model.translate(text, 256).await?;
        Ok(json!([{ "translation_text": found.text }]))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments.next();
    let text = arguments
        .next()
        .unwrap_or_else(|| "Hello world!".to_owned());
    let folder = fetch::folder(source.as_deref().unwrap_or("hf://google-t5/t5-small")).await?;
    let config = DeploymentConfig {
        replicas: Replicas::Fixed(2),
        resources: Resources {
            cpus: Share::new(0.2).unwrap_or_default(),
            ..Resources::default()
        },
        ..DeploymentConfig::default()
    };
    // Each replica has a model of its own; it is read where nobody waits.
    let make = move || {
        let folder = folder.clone();
        async move {
            let open = move || engine::Translator::open(&folder, &TranslatorConfig::default());
            let opened = tokio::task::spawn_blocking(open).await;
            let opened = opened.map_err(|error| StageError::failed(error.to_string()))?;
            let model = opened.map_err(|error| StageError::failed(error.to_string()))?;
            Ok(Translator { model })
        }
    };
    let translator =
        Deployment::start("Translator", config, Blueprint::new(1, make), &Host::new(1));
    let call = Call::new("first");
    println!("{}", translator.handle().call(text, &call).await?);
    translator.shut_down().await;
    Ok(())
}
