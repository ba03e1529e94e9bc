//! The command itself.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use gateway::{Cors, Edge, Gateway, GatewayConfig, ModelEntry, SharedState, Telemetry};
use llm_apps::controller::{Surroundings, assemble};
use llm_apps::spec::{AllowOrigins, ServeConfig};
use llm_apps::stage::generate::GenerateDefaults;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::banner::{Started, StartedApplication};
use super::bind::bind;
use super::open::open_all;
use super::signals::Signals;
use crate::cli::arguments;
use crate::cli::report::Interrupted;
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// Serves until SIGTERM or SIGINT, then drains. A second signal does not wait for the drain.
pub(in crate::cli) async fn run(
    arguments: arguments::Run,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let mut config = ServeConfig::load(&arguments.config, environment.vars())?;
    let http = &mut config.http_options;
    http.host = arguments
        .host
        .unwrap_or_else(|| std::mem::take(&mut http.host));
    http.port = arguments.port.unwrap_or(http.port);
    let listener = bind(&http.host, http.port).await?;
    let url = format!("http://{}", listener.local_addr()?);

    let signals = Signals::listen()?;
    let settings = gateway_config(&config)?;
    // Its clock is held against the system's for some 20 ms: time in which the models come already.
    let telemetry = tokio::task::spawn_blocking(Telemetry::new);
    let (made, state) = oneshot::channel();
    let serving = async {
        let telemetry = telemetry.await.context("telemetry did not start")?;
        let state = Arc::new(Gateway::new(settings, Edge::system(), telemetry));
        // Fails only where nobody waits for it any more.
        made.send(Arc::clone(&state)).ok();
        gateway::serve(listener, state, signals.first()).await;
        anyhow::Ok(())
    };
    let mut serving = std::pin::pin!(serving);
    let starting = start(&config, url, state, environment, terminal);
    tokio::select! {
        biased;
        started = starting => started?,
        // Told to stop while the models were coming: what came of them stays.
        served = &mut serving => {
            tracing::warn!("told to stop before the models were there");
            return served;
        }
        () = signals.second() => return Err(Interrupted.into()),
    }
    tokio::select! {
        served = serving => served,
        () = signals.second() => Err(Interrupted.into()),
    }
}

/// Brings the models, gives them to the server when it is there, and says so.
async fn start(
    config: &ServeConfig,
    url: String,
    server: oneshot::Receiver<SharedState>,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let (models, opened) = open_all(config, environment, terminal).await?;
    let state = server.await.context("the server did not start")?;
    let around = surroundings(&models);
    let applications = config.applications.iter();
    let applications: Vec<_> = applications
        .map(|spec| Arc::new(assemble(spec, &around)))
        .collect();
    let started_applications = config.applications.iter().map(StartedApplication::of);
    let started_applications = started_applications.collect();
    state.set_applications(applications)?;
    state.set_models(models)?;
    let started = Started {
        version: env!("CARGO_PKG_VERSION"),
        url,
        models: opened,
        applications: started_applications,
    };
    terminal.print(&started.to_string())?;
    Ok(())
}

/// What applications are made of: the models, and chance and the calendar.
fn surroundings(models: &[ModelEntry]) -> Surroundings {
    let random = || Uuid::new_v4().as_u64_pair().1;
    let since_1970 = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.unwrap_or_default()
    };
    let with_defaults = |entry: &ModelEntry| {
        let defaults = GenerateDefaults {
            params: entry.defaults.params.clone(),
            max_tokens: entry.defaults.max_tokens,
            seed: Arc::new(random),
            unix_time: Arc::new(move || i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)),
        };
        (entry.text.clone(), defaults)
    };
    Surroundings {
        models: models.iter().map(with_defaults).collect(),
        seed: random(),
        now: since_1970().as_secs_f64(),
    }
}

/// The server's part of the configuration.
pub(in crate::cli) fn gateway_config(config: &ServeConfig) -> Result<GatewayConfig> {
    let http = &config.http_options;
    let at_least_one = |count: usize| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
    // More answers than an engine holds could never be given; they are refused as such, not as load.
    let held = config.models.iter().map(|model| model.engine.max_requests);
    let most_choices = held.filter_map(|most| u32::try_from(most).ok()).min();
    let max_choices = config.max_choices.min(most_choices.unwrap_or(u32::MAX));
    Ok(GatewayConfig {
        max_ongoing_requests: at_least_one(config.max_ongoing_requests),
        max_queued_requests: config.max_queued_requests,
        max_choices: NonZeroU32::new(max_choices).unwrap_or(NonZeroU32::MIN),
        max_body_bytes: http.max_body_bytes,
        body_timeout: http.body_timeout,
        max_connections: at_least_one(http.max_connections),
        keep_alive_interval: http.keep_alive_interval,
        retry_after: http.retry_after,
        drain_settle: http.drain_settle,
        graceful_shutdown_timeout: http.graceful_shutdown_timeout,
        strict: config.strict,
        cors: match &http.allow_origins {
            AllowOrigins::Any => Cors::Any,
            AllowOrigins::Only(origins) if origins.is_empty() => Cors::Off,
            AllowOrigins::Only(origins) => Cors::origins(origins.iter().map(String::as_str))
                .context("`http_options.allow_origins` cannot be used")?,
        },
    })
}
