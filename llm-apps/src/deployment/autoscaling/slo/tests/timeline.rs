//! Three stages under a load that doubles and falls: each scales for itself.

use std::fmt::Write as _;

use crate::deployment::autoscaling::slo::SloConfig;

use super::world::World;
use super::{at, stage, times};

/// Requests a second from a second on.
const LOAD: &[(u64, f64)] = &[(0, 4.0), (200, 8.0), (600, 4.0)];

/// One line for each change.
const TIMELINE: &str = "
 210 s  8 /s  [2, 2, 1]  ttft_p95 5.7 s over 1.2 s: retrieve waits 4.6 s of it; 1 -> 2 replicas
 211 s  8 /s  [2, 3, 1]  ttft_p95 1.9 s over 1.2 s: answer waits 1.6 s of it; 2 -> 3 replicas
 660 s  4 /s  [2, 2, 1]  answer is not missed: objectives stay at 55 % of their bounds; 3 -> 2 replicas
 661 s  4 /s  [1, 2, 1]  retrieve is not missed: objectives stay at 59 % of their bounds; 2 -> 1 replicas
";

fn world() -> World {
    let retrieve = stage("retrieve", 0.0, times(120, 200), 1);
    let mut answer = stage("answer", 0.0, times(900, 1500), 2);
    answer.max_ongoing_requests = 4;
    answer.until_first_token = Some(times(200, 350));
    let mut validate = stage("validate", 0.0, times(30, 50), 1);
    validate.until_first_token = None;
    let slo = SloConfig::new(Some(1.2), None, Some(3.0)).unwrap();
    World::new(slo, vec![retrieve, answer, validate])
}

#[test]
fn stages_scale_apart_as_the_load_doubles_and_falls() {
    let mut world = world();
    let mut table = String::from("\n");
    let mut settled = Vec::new();
    for now in 0..1200 {
        let rate = LOAD.iter().rfind(|(from, _)| *from <= now).unwrap().1;
        let plan = world.tick(rate, at(now));
        if plan.change.is_some() {
            let targets = world.targets();
            writeln!(table, "{now:>4} s  {rate} /s  {targets:?}  {}", plan.reason).unwrap();
        }
        if [199, 599, 1199].contains(&now) {
            let holds = plan.forecasts.iter().all(|f| f.ratio() <= 1.0);
            assert!(holds, "{now} s: {}", plan.reason);
            settled.push(world.targets());
        }
    }
    assert_eq!(table, TIMELINE);
    assert_eq!(settled[0], settled[2], "as before the load");
    assert!(
        settled[1]
            .iter()
            .zip(&settled[0])
            .all(|(more, few)| more >= few)
    );
}
