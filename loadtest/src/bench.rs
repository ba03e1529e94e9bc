//! The benchmark: each row, each round, the servers in turn.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::Instant;

use crate::cli::{Api, BenchOptions};
use crate::client::Caller;
use crate::hog::Hog;
use crate::outcome::{Figure, Outcome};
use crate::report::{Measurement, Report};
use crate::request::{Prompts, Shape};
use crate::rows::{Row, Scenario};
use crate::scenario::{TINY, first_token};
use crate::server::{Instance, Server};

/// Requests that only wake a server up, by their numbers: no measurement has so many.
const FIRST: u32 = 1 << 30;
const WARM: u32 = FIRST + 1;

/// How long a core is taken away at most, should nobody give it back.
const HOG_LIMIT: Duration = Duration::from_mins(15);

/// Rounds of the peer in a row without a core. What is asked there is how far a server falls below
/// itself; the peer's fall is only shown, and one whose threads spin takes minutes a round.
const PEER_ROUNDS_WITHOUT_A_CORE: u32 = 1;

/// Failures of a measurement that are shown in full; the rest are only counted.
const SHOWN_FAILURES: usize = 3;

/// Measures until all is done or `stop` ends, printing as it goes; the number of requests that failed.
pub(crate) async fn run(
    options: &BenchOptions,
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<usize> {
    ensure!(
        options.servers.len() <= 2,
        "{} servers; a server and its peer are compared",
        options.servers.len()
    );
    if let Some(logs) = &options.logs {
        std::fs::create_dir_all(logs).with_context(|| format!("cannot make {}", logs.display()))?;
    }
    let bench = Bench {
        options,
        prompts: Prompts {
            model: options.model.clone(),
            api: Api::Completions,
            seed: options.seed,
        },
    };
    let start = Instant::now();
    let mut report = Report::new(&options.servers);
    // What was measured before a fault is worth its time. What was started ends with its owner.
    let measured = tokio::select! {
        measured = bench.rows(&mut report) => measured,
        stopped = stop => stopped,
    };
    let mut out = io::stdout();
    writeln!(out, "\n{report}")?;
    writeln!(out, "{:.0} s", start.elapsed().as_secs_f64())?;
    measured?;
    Ok(report.failures())
}

#[derive(Debug)]
struct Bench<'a> {
    options: &'a BenchOptions,
    prompts: Prompts,
}

impl Bench<'_> {
    async fn rows(&self, report: &mut Report) -> anyhow::Result<()> {
        let (mut out, mut err) = (io::stdout(), io::stderr());
        // No prompt twice, or a prefix cache would answer; but both servers get the same.
        let mut measurement = 0;
        for row in self.options.rows() {
            for round in 1..=self.options.rounds {
                for (place, server) in self.options.servers.iter().enumerate() {
                    let is_shown = place > 0 && row.hogged.is_some();
                    if is_shown && round > PEER_ROUNDS_WITHOUT_A_CORE {
                        continue;
                    }
                    let outcome = self.measure(row, server, measurement).await;
                    let outcome = outcome.with_context(|| format!("{}: {}", row.name, server.name));
                    let outcome = outcome?;
                    writeln!(out, "{} {round}: {}: {outcome}", row.name, server.name)?;
                    for failure in outcome.failures.iter().take(SHOWN_FAILURES) {
                        writeln!(err, "{}: {failure}", server.name)?;
                    }
                    report.measurements.push(Measurement {
                        row: row.name,
                        server: server.name.clone(),
                        round,
                        outcome,
                    });
                }
                measurement += 1;
            }
            if let Some(path) = &self.options.json {
                report.write_json(path)?;
            }
        }
        Ok(())
    }

    /// One row at one server, once.
    async fn measure(
        &self,
        row: &Row,
        server: &Server,
        measurement: u32,
    ) -> anyhow::Result<Outcome> {
        if let Scenario::Start { starts } = row.scenario {
            return self.starts(row, server, starts, measurement).await;
        }
        let (instance, caller, _) = self.start(row, server, measurement).await?;
        let needs = row.needs();
        let warm = Shape {
            shared: 0,
            own: needs.tokens.min(128),
            output: 8,
        };
        let warm = self.prompts.write(warm, measurement, WARM);
        caller.send(&warm).await.context("the first request")?;
        let hog = match row.hogged {
            Some(_) => Some(Hog::start(self.options.core, HOG_LIMIT).await?),
            None => None,
        };
        let prompts = &self.prompts;
        let mut outcome = match &row.scenario {
            Scenario::ClosedLoop(load) => load.run(&caller, prompts, measurement).await?,
            Scenario::AmidDecodes(load) => load.run(&caller, prompts, measurement).await?,
            Scenario::Start { .. } => Outcome::of(&[], 0)?,
        };
        if let Some(hog) = hog {
            hog.stop().await?;
        }
        if let Some(memory) = instance.peak_memory_mib()? {
            outcome.set(Figure::PeakMemoryMib, memory);
        }
        instance.stop().await?;
        Ok(outcome)
    }

    /// Starts the program again and again; the median of the times to its first token.
    async fn starts(
        &self,
        row: &Row,
        server: &Server,
        starts: u32,
        measurement: u32,
    ) -> anyhow::Result<Outcome> {
        ensure!(
            server.is_command(),
            "this row starts the program, so it wants NAME=COMMAND"
        );
        let mut times = Vec::new();
        // The first one finds its files in the cache for the others, and is not counted.
        for _ in 0..=starts {
            let (instance, _, time) = self.start(row, server, measurement).await?;
            instance.stop().await?;
            times.push(time);
        }
        let mut times = times.split_off(1);
        times.sort_unstable();
        let mut outcome = Outcome::of(&[], TINY.output)?;
        outcome.requests = times.len();
        let median = times
            .get(times.len() / 2)
            .map_or(f64::NAN, Duration::as_secs_f64);
        outcome.set(Figure::StartMs, median * 1000.0);
        Ok(outcome)
    }

    /// A server that has said its first token, and the time that it took.
    async fn start(
        &self,
        row: &Row,
        server: &Server,
        measurement: u32,
    ) -> anyhow::Result<(Instance, Caller, Duration)> {
        let tiny = self.prompts.write(TINY, measurement, FIRST);
        let mut instance = server.start(&row.needs(), self.options.logs.as_deref())?;
        let caller = Caller::new(instance.url(), self.options.timeout())?;
        let time = first_token(&mut instance, &caller, &tiny).await?;
        Ok((instance, caller, time))
    }
}

#[cfg(test)]
mod tests;
