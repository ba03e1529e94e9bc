//! A benchmark: servers in turn, each at every concurrency.

use std::error::Error;
use std::io::{self, Write};
use std::iter;
use std::sync::Arc;

use anyhow::Context;
use reqwest::Client;
use tokio::time::Instant;

use crate::arrivals::closed_loop;
use crate::cli::BenchOptions;
use crate::client::{self, Failure, Sample};
use crate::report::{Figures, Measurement, Report};
use crate::request;

/// One that is measured.
#[derive(Debug, Clone)]
struct Server {
    name: &'static str,
    url: String,
    model: String,
}

/// Failures that are shown in full; the rest are only counted.
const SHOWN_FAILURES: usize = 3;

/// Measures, printing as it goes.
pub(crate) async fn run(options: &BenchOptions) -> anyhow::Result<Report> {
    let client = Client::builder()
        .no_proxy()
        // A connection for each request: a server may close an idle one just when it is used again,
        // and that would be counted as its failure.
        .pool_max_idle_per_host(0)
        .build()
        .context("the HTTP client does not start")?;
    let servers = servers(options);
    // No prompt twice, or the prefix cache would answer; but both servers get the same.
    let per_measurement = options.requests.saturating_add(options.warmup);
    let mut first = 0_u32;
    let mut out = io::stdout();
    let mut report = Report::default();
    writeln!(out, "{}", Report::HEADER)?;
    for &concurrency in &options.concurrency {
        for round in 0..options.rounds() {
            for server in &servers {
                let figures = measure(&client, options, server, concurrency, first).await?;
                let measurement = Measurement {
                    server: server.name,
                    url: server.url.clone(),
                    concurrency,
                    round,
                    figures,
                };
                writeln!(out, "{measurement}")?;
                report.measurements.push(measurement);
            }
            first = first.wrapping_add(per_measurement);
        }
    }
    write!(out, "{}", report.comparison())?;
    Ok(report)
}

fn servers(options: &BenchOptions) -> Vec<Server> {
    let server = |name, url: &String, model: &String| Server {
        name,
        url: url.trim_end_matches('/').to_owned(),
        model: model.clone(),
    };
    let mut servers = vec![server("A", &options.url, &options.model)];
    if let Some(url) = &options.vs {
        let model = options.vs_model.as_ref().unwrap_or(&options.model);
        servers.push(server("B", url, model));
    }
    servers
}

/// One measurement: warm up, then the closed loop. `first` is the number of its first request.
async fn measure(
    client: &Client,
    options: &BenchOptions,
    server: &Server,
    concurrency: u32,
    first: u32,
) -> anyhow::Result<Figures> {
    let bodies: Vec<_> = (0..options.requests.saturating_add(options.warmup))
        .map(|i| request::build(options, &server.model, first.wrapping_add(i)))
        .collect();
    let (url, client, limit) = (server.url.clone(), client.clone(), options.timeout());
    let warmup = options.warmup as usize;
    for (path, body) in &bodies[..warmup] {
        let warm = client::send(&client, &format!("{url}{path}"), body, limit).await;
        warm.with_context(|| format!("the first request to {url} failed"))?;
    }
    let bodies = Arc::new(bodies);
    let start = Instant::now();
    let outcomes: Vec<Result<Sample, Failure>> =
        closed_loop(concurrency, options.requests, move |number| {
            let (client, bodies, url) = (client.clone(), Arc::clone(&bodies), url.clone());
            async move {
                let (path, body) = &bodies[warmup + number as usize];
                client::send(&client, &format!("{url}{path}"), body, limit).await
            }
        })
        .await?;
    let elapsed = start.elapsed();
    let mut err = io::stderr();
    for failure in outcomes
        .iter()
        .filter_map(|o| o.as_ref().err())
        .take(SHOWN_FAILURES)
    {
        writeln!(err, "server {}: {}", server.name, in_full(failure))?;
    }
    Figures::of(&outcomes, elapsed, options.max_tokens.into())
}

/// A failure with its causes.
fn in_full(failure: &Failure) -> String {
    let causes = iter::successors(failure.source(), |&error| error.source());
    causes.fold(failure.to_string(), |text, cause| {
        format!("{text}: {cause}")
    })
}
