//! What holds of plans for any application.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::deployment::autoscaling::Bounds;
use crate::deployment::autoscaling::slo::{SloConfig, StageLoad};

use super::world::World;
use super::{at, stage, times};

/// A stage of any speed, with any bounds, begun anywhere.
fn stages() -> impl Strategy<Value = StageLoad> {
    (
        1_u64..2000,
        100_u64..350,
        1_u32..6,
        0_u32..3,
        1_u32..12,
        0_u32..14,
        0.2..1.5_f64,
    )
        .prop_map(|(mean, tail, places, min, more, start, visits)| {
            let mut it = stage("", 0.0, times(mean, mean * tail / 100), start);
            it.max_ongoing_requests = places;
            it.bounds = Bounds {
                min,
                max: min + more,
            };
            it.visits = visits;
            it
        })
}

fn worlds() -> impl Strategy<Value = World> {
    let bounds = (0.1..5.0_f64, 0.02..0.5_f64, 0.1..8.0_f64);
    (vec(stages(), 1..4), bounds, 5_u64..100).prop_map(|(mut stages, (ttft, itl, total), alone)| {
        for (index, stage) in stages.iter_mut().enumerate() {
            stage.name = format!("stage-{index}");
        }
        let slo = SloConfig::new(Some(ttft), Some(itl), Some(total)).unwrap();
        let mut world = World::new(slo, stages);
        world.alone = Some(Duration::from_millis(alone));
        world
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever the load does, a target that was planned is within its bounds.
    #[test]
    fn targets_stay_within_their_bounds(
        mut world in worlds(),
        rates in vec(0.0..50.0_f64, 1..40),
    ) {
        let mut now = 0;
        for rate in rates {
            for _ in 0..6 {
                now += 5;
                if let Some(change) = world.tick(rate, at(now)).change {
                    let it = &world.stages[change.stage];
                    prop_assert_eq!(it.bounds.clamp(it.target_replicas), it.target_replicas);
                }
            }
        }
    }

    /// Under a constant load a stage turns at most once, and after a while nothing changes.
    #[test]
    fn a_constant_load_comes_to_rest(
        mut world in worlds(),
        rate in prop_oneof![Just(0.0), 0.05..30.0_f64],
    ) {
        let mut directions: Vec<Vec<bool>> = vec![Vec::new(); world.stages.len()];
        let mut last = 0;
        for now in (0..4000).step_by(5) {
            if let Some(change) = world.tick(rate, at(now)).change {
                last = now;
                let decision = change.decision;
                let up = decision.curr_num_replicas > decision.prev_num_replicas;
                let path = &mut directions[change.stage];
                if path.last() != Some(&up) {
                    path.push(up);
                }
            }
        }
        prop_assert!(last < 3000, "still restless at {} s", last);
        for path in directions {
            prop_assert!(path.len() <= 2, "{:?}", path);
        }
    }
}
