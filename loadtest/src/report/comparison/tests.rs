//! Reports made by hand.

use super::super::Measurement;
use super::*;
use crate::outcome::Outcome;
use crate::rows::ROWS;

/// A report of servers `a` and `b` with (row, server, figure, value) in this order.
fn report(values: &[(&'static str, &str, Figure, f64)]) -> Report {
    let servers = ["a=x", "b=y"].map(|server| server.parse().unwrap());
    let mut report = Report::new(&servers);
    for &(row, server, figure, value) in values {
        let mut outcome = Outcome::of(&[], 0).unwrap();
        outcome.set(figure, value);
        report.measurements.push(Measurement {
            row,
            server: server.to_owned(),
            round: 1,
            outcome,
        });
    }
    report
}

const RATE: Figure = Figure::OutputTokensPerSecond;

fn compared(report: &Report, row: &str) -> Compared {
    let row = ROWS.iter().find(|r| r.name == row).unwrap();
    compare(report, row, &row.lines[0]).unwrap()
}

#[test]
fn medians_are_compared_and_held_against_the_aim() {
    let rates = [
        ("a", 300.0),
        ("b", 50.0),
        ("a", 100.0),
        ("b", 150.0),
        ("a", 110.0),
        ("b", 60.0),
    ];
    let values = rates.map(|(server, rate)| ("stream-1", server, RATE, rate));
    let line = compared(&report(&values), "stream-1");
    let ours = line.servers[0].unwrap();
    assert_eq!(
        (ours.median, ours.lowest, ours.highest, ours.rounds),
        (110.0, 100.0, 300.0, 3)
    );
    assert_eq!(line.ratio, Some(110.0 / 60.0));
    assert_eq!(line.met, Some(true));
    let slower = compared(&report(&values[1..]), "stream-1");
    assert_eq!(slower.servers[0].map(|s| s.median), Some(105.0));

    let totals = [("a", 3.0), ("b", 10.0)];
    let values = totals.map(|(server, s)| ("prefix", server, Figure::TotalSeconds, s));
    assert_eq!(compared(&report(&values), "prefix").met, Some(false));
}

#[test]
fn without_a_peer_there_is_no_ratio_and_no_verdict() {
    let line = compared(&report(&[("stream-1", "a", RATE, 1.0)]), "stream-1");
    assert_eq!((line.ratio, line.met, line.servers[1]), (None, None, None));
    assert!(report(&[]).compared().is_empty());
}

#[test]
fn a_row_without_a_core_is_held_against_the_same_server_with_all() {
    let values = [
        ("streams-8", "a", RATE, 400.0),
        ("streams-8", "b", RATE, 100.0),
        ("streams-8-hog", "a", RATE, 200.0),
        ("streams-8-hog", "b", RATE, 10.0),
    ];
    let line = compared(&report(&values), "streams-8-hog");
    let fall = |server: usize| line.servers[server].unwrap().fall;
    assert_eq!((fall(0), fall(1)), (Some(2.0), Some(10.0)));
    assert_eq!(line.met, Some(true));
    let alone = compared(&report(&values[2..]), "streams-8-hog");
    assert_eq!(alone.met, None, "there is nothing to fall from");
}
