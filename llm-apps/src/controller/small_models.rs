//! Replicas of the stages that ask small models. All share the models, which batch by themselves.

use std::future::ready;

use super::surroundings::Surroundings;
use crate::deployment::Blueprint;
use crate::payload::Payload;
use crate::stage::StageError;
use crate::stage::classify::{ClassifyBy, ClassifyOptions, ClassifyStage};
use crate::stage::embed::{EmbedOptions, EmbedStage};
use crate::stage::rerank::{RerankBy, RerankOptions, RerankStage};
use crate::stage::translate::{TranslateOptions, TranslateStage};

type PayloadBlueprint = Blueprint<Payload, Payload>;

pub(super) fn embed(
    options: EmbedOptions,
    around: &Surroundings,
    version: u64,
) -> PayloadBlueprint {
    let encoder = around.encoder(&options.encoder);
    Blueprint::new(version, move || {
        let made = encoder.clone();
        let made = made.map(|encoder| EmbedStage::new(options.clone(), encoder));
        ready(made.map_err(StageError::failed))
    })
}

pub(super) fn rerank(
    options: RerankOptions,
    around: &Surroundings,
    version: u64,
) -> PayloadBlueprint {
    match &options.by {
        RerankBy::Classifier(name) => {
            let found = around.classifier(name);
            Blueprint::new(version, move || {
                let found = found.clone().map_err(StageError::failed);
                ready(found.and_then(|found| RerankStage::with_classifier(options.clone(), found)))
            })
        }
        RerankBy::Encoder(name) => {
            let found = around.encoder(name);
            Blueprint::new(version, move || {
                let made = found.clone();
                let made = made.map(|found| RerankStage::with_encoder(options.clone(), found));
                ready(made.map_err(StageError::failed))
            })
        }
    }
}

/// A replica that goes by examples is there when they are encoded.
pub(super) fn classify(
    options: ClassifyOptions,
    around: &Surroundings,
    version: u64,
) -> PayloadBlueprint {
    match &options.by {
        ClassifyBy::Classifier(name) => {
            let found = around.classifier(name);
            Blueprint::new(version, move || {
                let made = found.clone();
                let made = made.map(|found| ClassifyStage::with_classifier(options.clone(), found));
                ready(made.map_err(StageError::failed))
            })
        }
        ClassifyBy::Examples { encoder, .. } => {
            let found = around.encoder(encoder);
            Blueprint::new(version, move || {
                let (found, options) = (found.clone(), options.clone());
                async move {
                    let encoder = found.map_err(StageError::failed)?;
                    ClassifyStage::with_examples(options, encoder).await
                }
            })
        }
    }
}

pub(super) fn translate(
    options: TranslateOptions,
    around: &Surroundings,
    version: u64,
) -> PayloadBlueprint {
    let found = around.translator(&options.translator);
    Blueprint::new(version, move || {
        let made = found.clone();
        let made = made.map(|found| TranslateStage::new(options.clone(), found));
        ready(made.map_err(StageError::failed))
    })
}
