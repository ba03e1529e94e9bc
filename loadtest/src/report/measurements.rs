//! All measurements of a run.

use std::path::Path;

use serde::Serialize;

use super::comparison::{Compared, compare};
use super::json::write_json;
use crate::outcome::{Figure, Outcome};
use crate::rows::ROWS;
use crate::server::Server;

/// All measurements of a run, of one server or of two.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(super) servers: Vec<Server>,
    pub(crate) measurements: Vec<Measurement>,
}

/// One row at one server, once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) row: &'static str,
    pub(crate) server: String,
    pub(crate) round: u32,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

impl Report {
    /// Nothing is measured yet.
    pub(crate) fn new(servers: &[Server]) -> Self {
        Self {
            servers: servers.to_vec(),
            measurements: Vec::new(),
        }
    }

    /// Requests that failed.
    pub(crate) fn failures(&self) -> usize {
        let failures = self.measurements.iter().map(|m| m.outcome.failures.len());
        failures.sum()
    }

    /// Measurements, comparisons and all.
    pub(crate) fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            report: &'a Report,
            table: Vec<Compared>,
        }
        let table = self.compared();
        write_json(
            path,
            &Whole {
                report: self,
                table,
            },
        )
    }

    /// The table's lines, as far as they were measured.
    pub(super) fn compared(&self) -> Vec<Compared> {
        let lines = ROWS
            .iter()
            .flat_map(|row| row.lines.iter().map(move |line| (row, line)));
        lines
            .filter_map(|(row, line)| compare(self, row, line))
            .collect()
    }

    /// One row at one server.
    pub(super) fn of<'a>(
        &'a self,
        row: &'a str,
        server: &'a Server,
    ) -> impl Iterator<Item = &'a Outcome> {
        let these = move |m: &&Measurement| m.row == row && m.server == server.name;
        let these = self.measurements.iter().filter(these);
        these.map(|measurement| &measurement.outcome)
    }

    /// A figure in each round, in ascending order.
    pub(super) fn values(&self, row: &str, server: &Server, figure: Figure) -> Vec<f64> {
        let outcomes = self.of(row, server);
        let values = outcomes.filter_map(|outcome| outcome.figures.get(&figure).copied());
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        values
    }
}
