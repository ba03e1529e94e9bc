//! The command itself.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use anyhow::{Context, Result};
use gateway::{Cors, Deployer, Edge, Gateway, GatewayConfig, Telemetry};
use llm_apps::deployment::machine::Machine;
use llm_apps::spec::{AllowOrigins, ServeConfig};

use super::admin;
use super::banner::{Addresses, Started, StartedApplication};
use super::bind::bind;
use super::grpc;
use super::opener::FileOpener;
use super::signals::Signals;
use crate::cli::report::Interrupted;
use crate::cli::terminal::Terminal;
use crate::cli::{arguments, source};
use crate::env::Environment;

/// Serves until SIGTERM or SIGINT, then drains. A second signal does not wait for the drain.
pub(in crate::cli) async fn run(
    arguments: arguments::Run,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let source = source::read(&arguments.config)?;
    let machine = Arc::new(machine());
    let config = source.prove_for(&machine, environment.vars())?;
    let http = &config.http_options;
    let host = arguments.host.as_ref().unwrap_or(&http.host);
    let listener = bind(host, arguments.port.unwrap_or(http.port)).await?;
    let admin = admin::bind(&config.admin_options, arguments.admin_port).await?;
    let grpc = grpc::bind(config.grpc_options.as_ref()).await?;
    let addresses = Addresses {
        url: format!("http://{}", listener.local_addr()?),
        admin: admin.as_ref().map(admin::url).transpose()?,
        grpc: grpc.as_ref().map(admin::url).transpose()?,
    };

    let signals = Signals::listen()?;
    let mut settings = gateway_config(&config)?;
    if settings.data_dir.is_none() {
        settings.data_dir = environment.data_dir();
    }
    let patience = settings.graceful_shutdown_timeout;
    // Its clock is held against the system's for some 20 ms: time in which the models come already.
    let opener = FileOpener::new(environment);
    opener.begin(&config).await;
    let telemetry = tokio::task::spawn_blocking(Telemetry::new);
    let telemetry = telemetry.await.context("telemetry did not start")?;
    let state = Arc::new(Gateway::new(settings, Edge::system(), telemetry));
    if config.data_dir.is_some() {
        let held = state.hold_data_dir().await;
        held.context("`data_dir` of the configuration cannot be used")?;
    }
    let vars = environment.vars().clone();
    let deployer = Deployer::new(Arc::clone(&state), opener.clone(), vars);
    let deployer = Arc::new(deployer.on(machine).at(&addresses.url));
    let admin = admin::serve(admin, &config.admin_options, &deployer, signals.first());
    let grpc = grpc::serve(grpc, config.grpc_options.as_ref(), &state);
    let serving = async {
        gateway::serve(listener, state, signals.first()).await;
        deployer.shut_down(patience).await;
    };
    let mut serving = std::pin::pin!(async { tokio::join!(serving, admin, grpc) });
    let starting = async {
        deployer.start(source, config.clone()).await?;
        let started = Started {
            version: env!("CARGO_PKG_VERSION"),
            addresses,
            models: opener.started().await,
            small_models: opener.small_models().await,
            collections: opener.collections(&arguments.config).await,
            applications: config
                .applications
                .iter()
                .map(StartedApplication::of)
                .collect(),
        };
        terminal.print(&started.to_string())?;
        anyhow::Ok(())
    };
    tokio::select! {
        biased;
        started = starting => started?,
        // Told to stop while the models were coming: what came of them stays.
        _ = &mut serving => {
            tracing::warn!("told to stop before the models were there");
            return Ok(());
        }
        () = signals.second() => return Err(Interrupted.into()),
    }
    tokio::select! {
        _ = serving => Ok(()),
        () = deployer.work() => Ok(()),
        () = signals.second() => Err(Interrupted.into()),
    }
}

/// What replicas may reserve of this machine. Nothing runs on GPUs in this build.
pub(in crate::cli) fn machine() -> Machine {
    let cpus = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Machine::new(cpus, 0)
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
        request_timeout: http.request_timeout,
        strict: config.strict,
        data_dir: config.data_dir.clone(),
        cors: match &http.allow_origins {
            AllowOrigins::Any => Cors::Any,
            AllowOrigins::Only(origins) if origins.is_empty() => Cors::Off,
            AllowOrigins::Only(origins) => Cors::origins(origins.iter().map(String::as_str))
                .context("`http_options.allow_origins` cannot be used")?,
        },
        ..GatewayConfig::default()
    })
}
