//! A server beside its peer: medians of the rounds, their ratio, and whether it is what it should be.

use serde::Serialize;

use super::measurements::Report;
use crate::outcome::Figure;
use crate::rows::{Aim, Line, Row};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Compared {
    pub(crate) row: &'static str,
    pub(crate) title: &'static str,
    pub(crate) figure: Figure,
    pub(crate) aim: Aim,
    /// For each server, in their order.
    pub(crate) servers: Vec<Option<Summary>>,
    /// The first server's median over the second's.
    pub(crate) ratio: Option<f64>,
    /// Whether the first server reaches the aim, if that can be said.
    pub(crate) met: Option<bool>,
}

/// One figure over all rounds of one server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    pub(crate) rounds: usize,
    /// How many times more it is with all cores, for a row without one.
    pub(crate) fall: Option<f64>,
}

/// A line as far as it was measured; none if it was not.
pub(super) fn compare(report: &Report, row: &Row, line: &Line) -> Option<Compared> {
    let summary = |server| {
        let mut summary = Summary::of(&report.values(row.name, server, line.figure))?;
        if let Some(plain) = row.hogged {
            let plain = Summary::of(&report.values(plain, server, line.figure));
            summary.fall = plain.map(|plain| plain.median / summary.median);
        }
        Some(summary)
    };
    let servers: Vec<Option<Summary>> = report.servers.iter().map(summary).collect();
    let ours = *servers.first()?;
    let ratio = match servers.as_slice() {
        [Some(ours), Some(theirs)] => Some(ours.median / theirs.median),
        _ => None,
    };
    let met = match line.aim {
        Aim::AtLeast(aim) => ratio.map(|ratio| ratio >= aim),
        Aim::AtMost(aim) => ratio.map(|ratio| ratio <= aim),
        Aim::FallAtMost(aim) => ours.and_then(|ours| ours.fall).map(|fall| fall <= aim),
        Aim::None => None,
    };
    servers.iter().any(Option::is_some).then_some(Compared {
        row: row.name,
        title: line.title,
        figure: line.figure,
        aim: line.aim,
        servers,
        ratio,
        met,
    })
}

impl Summary {
    /// Of values in ascending order; none of nothing.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let last = values.len().checked_sub(1)?;
        Some(Self {
            median: f64::midpoint(values[last / 2], values[values.len() / 2]),
            lowest: values[0],
            highest: values[last],
            rounds: values.len(),
            fall: None,
        })
    }

    /// Half of the range over the median: how much the rounds differ.
    pub(super) fn spread(&self) -> f64 {
        (self.highest - self.lowest) / 2.0 / self.median
    }
}

#[cfg(test)]
mod tests;
