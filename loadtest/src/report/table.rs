//! The table that people read.

use std::fmt::{self, Display};

use super::comparison::{Compared, Summary};
use super::measurements::Report;
use crate::latencies::{Latencies, Percentiles};
use crate::rows::{Aim, ROWS};

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.servers.iter().map(|s| s.name.as_str()).collect();
        write!(f, "{:<52} {:<5}", "medians of all rounds", "")?;
        for name in &names {
            write!(f, " {name:>16}")?;
        }
        writeln!(f, " {:>8}  aim", "ratio")?;
        for line in self.compared() {
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "\n{:<15} {:<14} {:<4} {}",
            "ms",
            "",
            "",
            Percentiles::HEADER
        )?;
        for row in ROWS {
            for server in &self.servers {
                let outcomes = || self.of(row.name, server);
                let ttft = Latencies::together(outcomes().map(|o| &o.ttft_ms));
                let itl = Latencies::together(outcomes().map(|o| &o.itl_ms));
                for (kind, all) in [("TTFT", ttft), ("ITL", itl)] {
                    if let Some(all) = all.ok().and_then(|all| all.percentiles()) {
                        writeln!(f, "{:<15} {:<14} {kind:<4} {all}", row.name, server.name)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<52} {:<5}", self.title, self.figure.unit())?;
        for summary in &self.servers {
            match summary {
                Some(summary) => write!(f, " {summary}")?,
                None => write!(f, " {:>16}", "-")?,
            }
        }
        match self.ratio {
            Some(ratio) => write!(f, " {ratio:>7.3}x")?,
            None => write!(f, " {:>8}", "-")?,
        }
        match self.aim {
            Aim::AtLeast(aim) => write!(f, "  at least {aim}x")?,
            Aim::AtMost(aim) => write!(f, "  at most {aim}x")?,
            Aim::FallAtMost(aim) => write!(f, "  falls at most {aim}x")?,
            Aim::None => {}
        }
        if let Aim::FallAtMost(_) = self.aim {
            let falls = self.servers.iter().flatten().filter_map(|s| s.fall);
            let falls: Vec<String> = falls.map(|fall| format!("{fall:.2}x")).collect();
            if !falls.is_empty() {
                write!(f, " (falls {})", falls.join(" and "))?;
            }
        }
        match self.met {
            Some(true) => write!(f, ": met"),
            Some(false) => write!(f, ": missed"),
            None => Ok(()),
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>11.1} ±{:>2.0}%", self.median, 100.0 * self.spread())
    }
}

impl Percentiles {
    /// The head of the columns that [`Display`] writes.
    pub(crate) const HEADER: &'static str = "      p50       p90       p99       max";
}

#[cfg(test)]
mod tests {
    use super::super::Measurement;
    use super::*;
    use crate::outcome::{Figure, Outcome};

    #[test]
    fn the_table_says_what_was_measured_and_what_was_met() {
        let servers = ["ours=x", "theirs=y"].map(|server| server.parse().unwrap());
        let mut report = Report::new(&servers);
        let rows = [
            ("streams-8", "ours", 500.0),
            ("streams-8", "theirs", 80.0),
            ("streams-8-hog", "ours", 100.0),
            ("streams-8-hog", "theirs", 10.0),
        ];
        for (row, server, rate) in rows {
            let mut outcome = Outcome::of(&[], 0).unwrap();
            outcome.set(Figure::OutputTokensPerSecond, rate);
            report.measurements.push(Measurement {
                row,
                server: server.to_owned(),
                round: 1,
                outcome,
            });
        }
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("ours") && lines[0].contains("theirs"));
        assert!(lines[1].ends_with("6.250x  at least 5x: met"), "{text}");
        let falls = "falls at most 2.5x (falls 5.00x and 8.00x): missed";
        assert!(lines[2].ends_with(falls), "{text}");
        let column = |line: &str| line.chars().position(|c| c == '±');
        assert_eq!(column(lines[1]), column(lines[2]));
        assert_eq!(lines.len(), 5, "{text}");
    }
}
