//! `penstock ingest COLLECTION PATHS... --config FILE`.

use std::io::Write;
use std::path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use llm_apps::ingest::{IngestEvent, IngestOptions, Summary};
use llm_apps::spec::{CollectionSpec, EncoderSpec, ServeConfig};
use llm_apps::vector::TextEncoder;

use super::arguments;
use super::encoders::{fetch_encoder, open_encoder};
use super::report::Interrupted;
use super::terminal::Terminal;
use crate::env::Environment;

/// Brings the collection to the state of the paths, and says what was done. What could not be read is
/// listed, and makes the command fail in the end.
pub(super) async fn ingest(
    arguments: arguments::Ingest,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let ingesting = run(arguments, environment, terminal);
    tokio::select! {
        done = ingesting => done,
        // What is stored stays, and the next run goes on from there.
        _ = tokio::signal::ctrl_c() => Err(Interrupted.into()),
    }
}

async fn run(
    arguments: arguments::Ingest,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let config = ServeConfig::load(&arguments.config, environment.vars())?;
    let (collection, encoder) = find(&config, &arguments.collection)?;
    let path = fetch_encoder(encoder, environment, terminal).await?;
    let encoder = open_encoder(encoder, &path).await?;
    let index = collection.open(encoder.dimension()).await?;
    let config = path::absolute(&arguments.config)?;
    let options = IngestOptions {
        chunk: collection.chunk,
        base: config.parent().unwrap_or(&config).to_owned(),
        ..IngestOptions::default()
    };
    let bar = Bar::new(terminal.err_is_tty);
    let encoder: Arc<dyn TextEncoder> = Arc::new(encoder);
    let show = |event: IngestEvent| bar.show(event);
    let ingesting = llm_apps::ingest::ingest(&*index, encoder, &arguments.paths, &options, &show);
    let summary = Box::pin(ingesting).await;
    bar.finish();
    tell(&summary?, terminal)
}

/// A collection of the configuration with its encoder.
fn find<'c>(config: &'c ServeConfig, name: &str) -> Result<(&'c CollectionSpec, &'c EncoderSpec)> {
    let mut all = config.collections.iter();
    let collection = all.find(|collection| collection.name == name);
    let collection = collection.ok_or_else(|| {
        let names = config.collections.iter().map(|known| known.name.as_str());
        let known = names.collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none" } else { &known };
        anyhow!("the configuration has no collection `{name}`; it has {known}")
    })?;
    let encoder = config
        .encoders
        .iter()
        .find(|encoder| encoder.name == collection.encoder);
    let encoder = encoder.with_context(|| format!("no encoder {:?}", collection.encoder))?;
    Ok((collection, encoder))
}

fn tell(summary: &Summary, terminal: &mut Terminal) -> Result<()> {
    for failure in &summary.failed {
        writeln!(terminal.err, "{failure}")?;
    }
    let Summary {
        files,
        passed_over,
        added,
        kept,
        removed,
        failed,
    } = summary;
    terminal.line(&format!(
        "{files} files; chunks: {added} added, {kept} kept, {removed} removed"
    ))?;
    if *passed_over > 0 {
        writeln!(
            terminal.err,
            "{passed_over} files of other kinds were passed over"
        )?;
    }
    match failed.len() {
        0 => Ok(()),
        1 => Err(anyhow!(
            "one thing could not be read; the rest is in the collection"
        )),
        many => Err(anyhow!(
            "{many} things could not be read; the rest is in the collection"
        )),
    }
}

/// Files on a bar, with the one in hand and the chunks so far.
struct Bar {
    bar: ProgressBar,
    chunks: AtomicUsize,
}

impl Bar {
    fn new(is_tty: bool) -> Self {
        let target = if is_tty {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template("{msg:.dim} {wide_bar} {pos}/{len} files {eta}");
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            chunks: 0.into(),
        }
    }

    fn show(&self, event: IngestEvent) {
        match event {
            IngestEvent::Found { files } => self.bar.set_length(files as u64),
            IngestEvent::File { path, .. } => self.bar.set_message(path.display().to_string()),
            IngestEvent::Stored { chunks } => {
                let before = self.chunks.fetch_add(chunks, Ordering::Relaxed);
                self.bar.set_message(format!("{} chunks", before + chunks));
            }
            IngestEvent::FileDone => self.bar.inc(1),
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
