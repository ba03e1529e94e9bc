//! The steps of a rollout, without a replica.

use std::time::Duration;

use proptest::prelude::*;

use crate::deployment::ReplicaId;
use crate::deployment::reconcile::{Action, Failures, View, Wish, reconcile};
use crate::deployment::status::ReplicaState::{self, Running, Starting};

fn view(id: u64, version: u64, state: ReplicaState, ongoing: usize) -> View {
    View {
        id: ReplicaId(id),
        version,
        state,
        ongoing,
    }
}

fn wish(target: usize, step: usize, surge: usize) -> Wish {
    Wish {
        target,
        version: 2,
        step,
        surge,
        may_start: true,
    }
}

#[test]
fn starting_replicas_go_before_running_ones_and_idle_ones_before_busy_ones() {
    let replicas = [
        view(0, 2, Running, 0),
        view(1, 2, Running, 3),
        view(2, 2, Starting, 0),
        view(3, 2, Running, 0),
    ];
    let stops = |target| reconcile(&wish(target, 1, 1), &replicas);
    assert_eq!(stops(3), [Action::Stop(ReplicaId(2))]);
    assert_eq!(
        stops(2),
        [Action::Stop(ReplicaId(2)), Action::Stop(ReplicaId(3))]
    );
    assert_eq!(stops(1).len(), 3);
    assert!(
        !stops(1).contains(&Action::Stop(ReplicaId(1))),
        "the busy one stays"
    );
}

#[test]
fn with_a_surge_the_new_one_comes_first() {
    let old = [view(0, 1, Running, 1)];
    assert_eq!(reconcile(&wish(1, 1, 1), &old), [Action::Start]);
    let both = [old[0], view(1, 2, Starting, 0)];
    assert_eq!(reconcile(&wish(1, 1, 1), &both), []);
    let ready = [old[0], view(1, 2, Running, 0)];
    assert_eq!(
        reconcile(&wish(1, 1, 1), &ready),
        [Action::Stop(ReplicaId(0))]
    );
}

#[test]
fn without_a_surge_the_old_one_goes_first() {
    let old = [view(0, 1, Running, 1), view(1, 1, Running, 0)];
    let first = reconcile(&wish(2, 1, 0), &old);
    assert_eq!(first, [Action::Stop(ReplicaId(1)), Action::Start]);
    let broken = Wish {
        may_start: false,
        ..wish(2, 1, 0)
    };
    assert_eq!(
        reconcile(&broken, &old),
        [],
        "none goes that could not be replaced"
    );
}

#[test]
fn failures_are_waited_out_longer_and_longer() {
    let mut failures = Failures::default();
    let mut now = Duration::ZERO;
    let mut waits = Vec::new();
    for _ in 0..10 {
        failures.note(now);
        let since = now;
        while !failures.over(now) {
            now += Duration::from_millis(100);
        }
        waits.push((now - since).as_millis());
    }
    assert_eq!(
        waits,
        [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]
    );
    failures.forget();
    assert!(failures.over(Duration::ZERO));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever there is and whatever is wanted: the bounds hold at each step, enough serve during the
    /// whole rollout, and it comes to an end.
    #[test]
    fn every_rollout_keeps_its_bounds_and_ends(
        old in 0_usize..8, target in 0_usize..8, step in 1_usize..4, surge in 0_usize..4,
        slow in prop::collection::vec(any::<bool>(), 64),
    ) {
        let wish = wish(target, step, surge);
        let mut replicas: Vec<_> = (0..old as u64).map(|id| view(id, 1, Running, 0)).collect();
        let mut next = old as u64;
        let enough = target.min(old);
        for starts_late in slow {
            let actions = reconcile(&wish, &replicas);
            for action in actions {
                match action {
                    Action::Start => {
                        replicas.push(view(next, 2, Starting, 0));
                        next += 1;
                    }
                    Action::Stop(id) => replicas.retain(|view| view.id != id),
                }
            }
            prop_assert!(replicas.len() <= (target + surge).max(old), "P2");
            let serving = replicas.iter().filter(|view| view.state == Running).count();
            let may_miss = if surge > 0 { 0 } else { step };
            prop_assert!(serving + may_miss >= enough, "{serving} of {enough} serve");
            if !starts_late {
                for view in &mut replicas {
                    view.state = Running;
                }
            }
        }
        for view in &mut replicas {
            view.state = Running;
        }
        for _ in 0..20 {
            for action in reconcile(&wish, &replicas) {
                match action {
                    Action::Start => replicas.push(view({ next += 1; next }, 2, Running, 0)),
                    Action::Stop(id) => replicas.retain(|view| view.id != id),
                }
            }
        }
        prop_assert_eq!(replicas.len(), target);
        prop_assert!(replicas.iter().all(|view| view.version == 2));
    }
}
