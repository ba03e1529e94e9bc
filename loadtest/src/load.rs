//! One closed loop against a running server.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::LoadOptions;
use crate::client::Caller;
use crate::latencies::Percentiles;
use crate::outcome::Outcome;
use crate::report::write_json;
use crate::request::{Prompts, Shape};
use crate::scenario::ClosedLoop;

/// What so many clients saw.
#[derive(Debug, Serialize)]
struct Measurement {
    clients: u32,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Measures and prints; the number of requests that failed.
pub(crate) async fn run(options: &LoadOptions) -> anyhow::Result<usize> {
    let caller = Caller::new(&options.url, options.timeout())?;
    let prompts = Prompts {
        model: options.model.clone(),
        api: options.api,
        seed: options.seed,
    };
    let shape = Shape {
        shared: 0,
        own: options.prompt_tokens,
        output: options.max_tokens,
    };
    let mut out = io::stdout();
    writeln!(out, "{:>7} {:>4} {}", "clients", "", Percentiles::HEADER)?;
    let mut measurements = Vec::new();
    for (&clients, measurement) in options.clients.iter().zip(0..) {
        let load = ClosedLoop {
            clients,
            requests: options.requests,
            shape,
        };
        let outcome = load.run(&caller, &prompts, measurement).await?;
        for (kind, latencies) in [("TTFT", &outcome.ttft_ms), ("ITL", &outcome.itl_ms)] {
            if let Some(percentiles) = latencies.percentiles() {
                writeln!(out, "{clients:>7} {kind:>4} {percentiles}")?;
            }
        }
        writeln!(out, "{clients:>7} {outcome}")?;
        measurements.push(Measurement { clients, outcome });
    }
    if let Some(path) = &options.json {
        write_json(path, &measurements)?;
    }
    Ok(measurements.iter().map(|m| m.outcome.failures.len()).sum())
}
