//! `slo`: the latencies that an application promises.
//!
//! ```yaml
//! slo:
//!   ttft_p95: 0.5    # seconds until the first piece of the answer
//!   itl_p95: 0.05    # seconds from one piece to the next
//!   total_p95: 4.0   # seconds until its end
//! ```

use super::fault::Faults;
use super::node::Node;
use super::read;
use super::section::Section;
use crate::deployment::autoscaling::slo::SloConfig;

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, f: &mut Faults) -> Option<SloConfig> {
    let mut keys = Section::open(path, node, f);
    let mut bound = |key, f: &mut Faults| {
        let at = keys.node(key).map(|node| node.at);
        (
            keys.take(key, f, read::number("a number of seconds", |_| true)),
            at,
        )
    };
    let (ttft, ttft_at) = bound("ttft_p95", f);
    let (itl, itl_at) = bound("itl_p95", f);
    let (total, total_at) = bound("total_p95", f);
    let place = |field: &str| match field {
        "ttft_p95" => ttft_at,
        "itl_p95" => itl_at,
        "total_p95" => total_at,
        _ => None,
    };
    keys.finish(f);
    if let (Some(ttft), Some(total)) = (ttft, total)
        && ttft > total
    {
        let message = format!(
            "`{path}.ttft_p95` is {ttft}, it must not be above `total_p95`, which is {total}: an answer \
             does not end before it begins"
        );
        f.note(place("ttft_p95").unwrap_or(node.at), message);
        return None;
    }
    match SloConfig::new(ttft, itl, total) {
        Ok(slo) => Some(slo),
        Err(faults) => {
            for fault in faults {
                let at = place(fault.field()).unwrap_or(node.at);
                f.note(at, format!("`{path}`: {fault}"));
            }
            None
        }
    }
}
