//! What was seen, as a picture.

use std::fmt::Write;

use crate::world::{END, STAGES, Seen, StageSeen};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 744.0;
/// Colours that are told apart by everybody (Okabe and Ito, 2008).
const COLOURS: [&str; 3] = ["#0072B2", "#D55E00", "#009E73"];

/// A strip of the picture, with its own scale.
struct Panel {
    title: &'static str,
    top: f64,
    height: f64,
    most: f64,
}

/// The load, the replicas, and the requests that wait and run, one above the other.
pub(crate) fn svg(seen: &[Seen]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 600\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"600\" fill=\"white\"/>\n"
    );
    let panel = |title, top, height, most| Panel {
        title,
        top,
        height,
        most: f64::max(most, 1.0),
    };
    let most = |of: fn(&StageSeen) -> usize| {
        let all = seen.iter().flat_map(|s| &s.stages).map(of);
        number(all.max().unwrap_or(0))
    };
    let load = panel("requests a second", 30.0, 90.0, 25.0);
    load.frame(&mut svg);
    load.line(&mut svg, "#555555", seen.iter().map(|s| (s.second, s.rate)));
    let replicas = panel("replicas that run", 160.0, 160.0, most(|s| s.running) + 1.0);
    let queued = panel("requests that wait", 360.0, 90.0, most(|s| s.queued));
    let ongoing = panel("requests at replicas", 490.0, 70.0, most(|s| s.ongoing));
    type Read = fn(&StageSeen) -> usize;
    let panels: [(Panel, Read); 3] = [
        (replicas, |s| s.running),
        (queued, |s| s.queued),
        (ongoing, |s| s.ongoing),
    ];
    for (panel, of) in panels {
        panel.frame(&mut svg);
        for (index, colour) in COLOURS.iter().enumerate() {
            let points = seen
                .iter()
                .map(|s| (s.second, number(of(&s.stages[index]))));
            panel.line(&mut svg, colour, points);
        }
    }
    for (index, (name, colour)) in STAGES.iter().zip(COLOURS).enumerate() {
        let x = 440.0 + 100.0 * number(index);
        let text = format!(
            "<text x=\"{x}\" y=\"152\" fill=\"{colour}\" font-weight=\"bold\">{name}</text>\n"
        );
        svg.push_str(&text);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel {
    /// The title, the scale and the minutes.
    fn frame(&self, svg: &mut String) {
        let (top, bottom) = (self.top, self.top + self.height);
        let mut text = format!(
            "<text x=\"{LEFT}\" y=\"{}\">{}</text>\n",
            top - 8.0,
            self.title
        );
        for value in [0.0, self.most / 2.0, self.most] {
            let y = self.y(value);
            // Writing to a text does not fail.
            write!(
                text,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\" stroke=\"#DDDDDD\"/>\n\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">{value:.0}</text>\n",
                LEFT - 6.0,
                y + 4.0,
            )
            .ok();
        }
        for second in (0..=END).step_by(180) {
            let x = across(second);
            write!(
                text,
                "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#EEEEEE\"/>\n\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">{} min</text>\n",
                bottom + 16.0,
                second / 60,
            )
            .ok();
        }
        svg.push_str(&text);
    }

    /// Values that stay until the next one comes.
    fn line(&self, svg: &mut String, colour: &str, points: impl Iterator<Item = (u64, f64)>) {
        let mut path = String::new();
        let mut last = None;
        for (second, value) in points {
            let (x, y) = (across(second), self.y(value));
            let step = match last.replace(y) {
                None => format!("M{x:.1} {y:.1}"),
                Some(before) if f64::abs(before - y) < 0.05 => continue,
                Some(_) => format!("H{x:.1}V{y:.1}"),
            };
            path.push_str(&step);
        }
        let text = format!(
            "<path d=\"{path}H{RIGHT}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n"
        );
        svg.push_str(&text);
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - value.min(self.most) / self.most)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a quarter of an hour")]
fn across(second: u64) -> f64 {
    LEFT + (RIGHT - LEFT) * second as f64 / END as f64
}

#[expect(clippy::cast_precision_loss, reason = "some hundred")]
fn number(count: usize) -> f64 {
    count as f64
}
