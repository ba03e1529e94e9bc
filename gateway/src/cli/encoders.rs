//! Encoders of a configuration: fetched as models are, then opened.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use engine::Encoder;
use engine::hub::HubError;
use llm_apps::spec::EncoderSpec;

use super::pull::fetch;
use super::terminal::Terminal;
use crate::env::Environment;

/// The folder of an encoder, fetched if it is not there.
pub(super) async fn fetch_encoder(
    spec: &EncoderSpec,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<PathBuf> {
    let fetched = fetch(&spec.source, environment, terminal).await;
    let model = fetched.map_err(|error| match error.is::<HubError>() {
        true => error.context(spec.places.fault("source", "cannot be had")),
        false => error.context(format!("encoder `{}`", spec.name)),
    })?;
    Ok(model.path)
}

/// Reads the weights, away from the async threads, and starts the encoder's own.
pub(super) async fn open_encoder(spec: &EncoderSpec, path: &Path) -> Result<Encoder> {
    let (path, config) = (path.to_owned(), spec.config);
    let lengths = spec.matryoshka_dimensions.clone();
    let open = move || Encoder::open(&path, &config)?.with_lengths(&lengths);
    let opened = tokio::task::spawn_blocking(open).await;
    let opened = opened.context("opening an encoder did not end as it should")?;
    opened.map_err(|error| {
        let fault = format!("cannot be opened: {error}");
        spec.places.fault("source", &fault).into()
    })
}
