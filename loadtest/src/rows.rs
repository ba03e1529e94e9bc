//! The benchmark's table as data: what each row does to a server, what is read from it, and what a
//! server should reach beside its peer.

use serde::Serialize;

use crate::outcome::Figure;
use crate::request::Shape;
use crate::scenario::{AmidDecodes, ClosedLoop, TINY};
use crate::server::Needs;

/// One thing that is done to both servers in turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// By which it is chosen.
    pub(crate) name: &'static str,
    pub(crate) scenario: Scenario,
    /// Another program takes one core away; the figures are held against those of this row.
    pub(crate) hogged: Option<&'static str>,
    /// What is read from it.
    pub(crate) lines: &'static [Line],
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    ClosedLoop(ClosedLoop),
    AmidDecodes(AmidDecodes),
    /// The program is started so many times, each to the first token of a tiny prompt.
    Start {
        starts: u32,
    },
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) title: &'static str,
    pub(crate) figure: Figure,
    pub(crate) aim: Aim,
}

/// What the first server should reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// So many times the peer's figure, or more.
    AtLeast(f64),
    /// So many times the peer's figure, or less.
    AtMost(f64),
    /// A figure without a core that is at most so many times smaller than its own with all cores.
    FallAtMost(f64),
    /// It is shown for what it explains.
    None,
}

impl Row {
    /// What a server is to be ready for.
    pub(crate) fn needs(&self) -> Needs {
        let (clients, tokens) = match &self.scenario {
            Scenario::ClosedLoop(load) => (load.clients, load.shape.total()),
            Scenario::AmidDecodes(load) => {
                let longest = load.stream.total().max(load.intruder.total());
                (load.streams + 1, longest)
            }
            Scenario::Start { .. } => (1, TINY.total()),
        };
        Needs {
            row: self.name,
            clients,
            tokens,
        }
    }
}

const fn shape(own: u32, output: u32) -> Shape {
    Shape {
        shared: 0,
        own,
        output,
    }
}

const fn closed(clients: u32, requests: u32, shape: Shape) -> Scenario {
    Scenario::ClosedLoop(ClosedLoop {
        clients,
        requests,
        shape,
    })
}

const fn line(title: &'static str, figure: Figure, aim: Aim) -> Line {
    Line { title, figure, aim }
}

/// All rows, in the order in which they are measured.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "stream-1",
        scenario: closed(1, 3, shape(128, 128)),
        hogged: None,
        lines: &[line(
            "one stream, 128 in / 128 out",
            Figure::OutputTokensPerSecond,
            Aim::AtLeast(1.5),
        )],
    },
    Row {
        name: "streams-8",
        scenario: closed(8, 24, shape(128, 64)),
        hogged: None,
        lines: &[line(
            "8 streams, 128 in / 64 out",
            Figure::OutputTokensPerSecond,
            Aim::AtLeast(5.0),
        )],
    },
    Row {
        name: "streams-32",
        scenario: closed(32, 64, shape(128, 64)),
        hogged: None,
        lines: &[
            line(
                "32 streams, 128 in / 64 out",
                Figure::OutputTokensPerSecond,
                Aim::AtLeast(6.0),
            ),
            line(
                "peak memory at 32 streams",
                Figure::PeakMemoryMib,
                Aim::AtMost(0.3),
            ),
        ],
    },
    Row {
        name: "prefill",
        scenario: closed(1, 2, shape(1800, 1)),
        hogged: None,
        lines: &[line(
            "prefill of 1,800 tokens",
            Figure::PromptTokensPerSecond,
            Aim::AtLeast(8.0),
        )],
    },
    Row {
        name: "prefix",
        scenario: closed(
            8,
            32,
            Shape {
                shared: 1024,
                own: 16,
                output: 16,
            },
        ),
        hogged: None,
        lines: &[line(
            "32 requests over one 1,024-token prefix, 8 at a time",
            Figure::TotalSeconds,
            Aim::AtMost(0.2),
        )],
    },
    Row {
        name: "amid-decodes",
        scenario: Scenario::AmidDecodes(AmidDecodes {
            streams: 8,
            stream: shape(128, 1600),
            intruder: shape(1800, 1),
            settle: 16,
        }),
        hogged: None,
        lines: &[
            line(
                "1,800-token prefill amid 8 decodes: worst gap",
                Figure::WorstGapMs,
                Aim::AtMost(0.03),
            ),
            line("  median gap before it", Figure::GapBeforeMs, Aim::None),
        ],
    },
    Row {
        name: "stream-1-hog",
        scenario: closed(1, 1, shape(128, 128)),
        hogged: Some("stream-1"),
        lines: &[line(
            "one stream, one core taken away",
            Figure::OutputTokensPerSecond,
            Aim::FallAtMost(2.5),
        )],
    },
    Row {
        name: "streams-8-hog",
        scenario: closed(8, 8, shape(128, 64)),
        hogged: Some("streams-8"),
        lines: &[line(
            "8 streams, one core taken away",
            Figure::OutputTokensPerSecond,
            Aim::FallAtMost(2.5),
        )],
    },
    Row {
        name: "streams-32-hog",
        scenario: closed(32, 32, shape(128, 64)),
        hogged: Some("streams-32"),
        lines: &[line(
            "32 streams, one core taken away",
            Figure::OutputTokensPerSecond,
            Aim::FallAtMost(2.5),
        )],
    },
    Row {
        name: "prefill-hog",
        scenario: closed(1, 1, shape(1800, 1)),
        hogged: Some("prefill"),
        lines: &[line(
            "prefill of 1,800 tokens, one core taken away",
            Figure::PromptTokensPerSecond,
            Aim::FallAtMost(2.5),
        )],
    },
    Row {
        name: "start",
        scenario: Scenario::Start { starts: 5 },
        hogged: None,
        lines: &[line(
            "start of the program to first token, warm files",
            Figure::StartMs,
            Aim::AtMost(0.5),
        )],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_and_a_fall_has_something_to_fall_from() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
        for row in ROWS {
            let falls = |line: &Line| matches!(line.aim, Aim::FallAtMost(_));
            assert_eq!(row.lines.iter().any(falls), row.hogged.is_some());
            let Some(plain) = row.hogged else { continue };
            let plain = ROWS.iter().find(|other| other.name == plain).unwrap();
            let figures = |row: &Row| row.lines.iter().map(|l| l.figure).collect::<Vec<_>>();
            assert!(figures(row).iter().all(|f| figures(plain).contains(f)));
            assert_eq!(row.needs().clients, plain.needs().clients);
            assert_eq!(row.needs().tokens, plain.needs().tokens);
        }
    }

    #[test]
    fn a_server_is_told_the_longest_sequence() {
        let amid = ROWS.iter().find(|row| row.name == "amid-decodes").unwrap();
        let needs = amid.needs();
        assert_eq!((needs.clients, needs.tokens), (9, 1801));
    }
}
