//! What was measured, in figures.

use std::fmt::{self, Display, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::client::{Failure, Sample};

/// All measurements of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) measurements: Vec<Measurement>,
}

/// One server at one concurrency, once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) server: &'static str,
    pub(crate) url: String,
    pub(crate) concurrency: u32,
    pub(crate) round: u32,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) requests: usize,
    pub(crate) errors: usize,
    /// Answers with fewer tokens than asked for, although the end was to be ignored.
    pub(crate) short_answers: usize,
    pub(crate) seconds: f64,
    pub(crate) prompt_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) output_tokens_per_second: f64,
    pub(crate) requests_per_second: f64,
    /// Time to the first text.
    pub(crate) ttft_ms: Percentiles,
    /// Time between one frame with text and the next.
    pub(crate) itl_ms: Percentiles,
    /// Time to the end of the stream.
    pub(crate) total_ms: Percentiles,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Figures {
    /// The figures of a measurement that took `elapsed`.
    pub(crate) fn of(
        outcomes: &[Result<Sample, Failure>],
        elapsed: Duration,
        max_tokens: u64,
    ) -> anyhow::Result<Self> {
        let samples: Vec<&Sample> = outcomes.iter().filter_map(|o| o.as_ref().ok()).collect();
        let output_tokens: u64 = samples.iter().map(|s| s.output_tokens).sum();
        let seconds = elapsed.as_secs_f64();
        Ok(Self {
            requests: outcomes.len(),
            errors: outcomes.len() - samples.len(),
            short_answers: samples
                .iter()
                .filter(|s| s.output_tokens < max_tokens)
                .count(),
            seconds,
            prompt_tokens: samples.iter().filter_map(|s| s.prompt_tokens).sum(),
            output_tokens,
            output_tokens_per_second: output_tokens as f64 / seconds,
            requests_per_second: samples.len() as f64 / seconds,
            ttft_ms: Percentiles::of(samples.iter().map(|s| s.ttft))?,
            itl_ms: Percentiles::of(samples.iter().flat_map(|s| s.gaps.iter().copied()))?,
            total_ms: Percentiles::of(samples.iter().map(|s| s.total))?,
        })
    }
}

impl Percentiles {
    fn of(times: impl Iterator<Item = Duration>) -> anyhow::Result<Self> {
        // Microseconds up to an hour, within a thousandth.
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3)
            .context("the histogram's bounds are wrong")?;
        for time in times {
            histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Ok(Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: histogram.max() as f64 / 1000.0,
        })
    }
}

impl Report {
    pub(crate) const HEADER: &'static str = "server clients round requests errors short    tokens/s  \
        req/s  TTFT ms p50      p90      p99   ITL ms p50      p90      p99";

    /// Requests that failed.
    pub(crate) fn errors(&self) -> usize {
        self.measurements.iter().map(|m| m.figures.errors).sum()
    }

    pub(crate) fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The first server against the second, by the medians of the rounds; nothing when there is one.
    pub(crate) fn comparison(&self) -> String {
        let mut text = String::new();
        let mut clients: Vec<u32> = self.measurements.iter().map(|m| m.concurrency).collect();
        clients.dedup();
        for clients in clients {
            let ratio = |figure: fn(&Figures) -> f64| {
                let of = |server| self.median(server, clients, figure);
                Some(of("A")? / of("B")?)
            };
            let ratios = [
                ratio(|f| f.output_tokens_per_second),
                ratio(|f| f.ttft_ms.p50),
                ratio(|f| f.itl_ms.p50),
            ];
            if let [Some(rate), Some(ttft), Some(itl)] = ratios {
                // Writing to a string cannot fail.
                writeln!(
                    text,
                    "A/B at {clients:>3} clients: tokens/s x{rate:.2}, TTFT x{ttft:.2}, ITL x{itl:.2}"
                )
                .ok();
            }
        }
        text
    }

    fn median(&self, server: &str, clients: u32, figure: fn(&Figures) -> f64) -> Option<f64> {
        let rounds = self.measurements.iter();
        let rounds = rounds.filter(|m| m.server == server && m.concurrency == clients);
        let mut values: Vec<f64> = rounds.map(|m| figure(&m.figures)).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
        Some(f64::midpoint(values[low], values[high]))
    }
}

impl Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            requests,
            errors,
            short_answers,
            ttft_ms: ttft,
            itl_ms: itl,
            ..
        } = &self.figures;
        write!(
            f,
            "{:<6} {:>7} {:>5} {requests:>8} {errors:>6} {short_answers:>5} {:>11.1} {:>6.2} \
             {:>12.1} {:>8.1} {:>8.1} {:>12.2} {:>8.2} {:>8.2}",
            self.server,
            self.concurrency,
            self.round + 1,
            self.figures.output_tokens_per_second,
            self.figures.requests_per_second,
            ttft.p50,
            ttft.p90,
            ttft.p99,
            itl.p50,
            itl.p90,
            itl.p99,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ttft_ms: u64, gap_ms: u64, tokens: u64) -> Sample {
        Sample {
            ttft: Duration::from_millis(ttft_ms),
            gaps: vec![Duration::from_millis(gap_ms); 3],
            total: Duration::from_millis(ttft_ms + 3 * gap_ms),
            prompt_tokens: Some(10),
            output_tokens: tokens,
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 0.002
    }

    #[test]
    fn figures_count_what_succeeded_and_what_did_not() {
        let mut outcomes: Vec<_> = (1..=100).map(|i| Ok(sample(i, 5, 4))).collect();
        outcomes.push(Ok(sample(1, 5, 3)));
        outcomes.push(Err(Failure::NotDone));
        let figures = Figures::of(&outcomes, Duration::from_secs(2), 4).unwrap();
        assert_eq!(
            (figures.requests, figures.errors, figures.short_answers),
            (102, 1, 1)
        );
        assert_eq!((figures.prompt_tokens, figures.output_tokens), (1010, 403));
        assert!(close(figures.output_tokens_per_second, 201.5));
        assert!(close(figures.ttft_ms.p50, 50.0) && close(figures.ttft_ms.p90, 90.0));
        assert!(close(figures.itl_ms.p99, 5.0) && close(figures.total_ms.max, 115.0));
    }

    #[test]
    fn two_servers_are_compared_by_the_medians_of_their_rounds() {
        let mut report = Report::default();
        let rates = [
            ("A", 100.0),
            ("B", 50.0),
            ("A", 300.0),
            ("B", 150.0),
            ("A", 110.0),
            ("B", 60.0),
        ];
        for (round, (server, rate)) in (0..).zip(rates) {
            let ms = |p50| Percentiles {
                p50,
                ..Percentiles::default()
            };
            report.measurements.push(Measurement {
                server,
                url: String::new(),
                concurrency: 8,
                round: round / 2,
                figures: Figures {
                    output_tokens_per_second: rate,
                    ttft_ms: ms(if server == "A" { 10.0 } else { 20.0 }),
                    itl_ms: ms(4.0),
                    ..Figures::default()
                },
            });
        }
        let expected = "A/B at   8 clients: tokens/s x1.83, TTFT x0.50, ITL x1.00\n";
        assert_eq!(report.comparison(), expected);
        report.measurements.retain(|m| m.server == "A");
        assert_eq!(report.comparison(), "");
    }

    #[test]
    fn the_table_lines_up() {
        let measurement = Measurement {
            server: "A",
            url: String::new(),
            concurrency: 32,
            round: 0,
            figures: Figures::default(),
        };
        assert_eq!(measurement.to_string().len(), Report::HEADER.len());
    }
}
