//! Stages of one application scale apart from each other.
#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../examples/scaling/world.rs"]
mod world;

use world::{Seen, simulate, table};

/// Replicas of each stage that ran at a second.
fn replicas(seen: &[Seen], second: u64) -> [usize; 3] {
    let at = seen.iter().find(|s| s.second == second).unwrap();
    [0, 1, 2].map(|stage: usize| at.stages[stage].running)
}

/// The load doubles after 3 minutes and falls to a quarter after 8: `lookup`, `generate` and `validate`
/// each follow it by themselves.
#[test]
fn three_stages_scale_apart_as_the_load_doubles_and_falls() {
    let seen = simulate().unwrap();
    let before = replicas(&seen, 170);
    let doubled = replicas(&seen, 470);
    let fallen = replicas(&seen, 900);
    for stage in 0..3 {
        assert!(doubled[stage] > before[stage], "{before:?} -> {doubled:?}");
        assert!(fallen[stage] < doubled[stage], "{doubled:?} -> {fallen:?}");
    }
    let [lookup, generate, validate] = doubled;
    assert!(generate > lookup && generate > validate, "{doubled:?}");
    // The first change of each after the load doubled is at a time of its own.
    let first_change = |stage: usize| {
        let mut later = seen.iter().filter(|s| s.second > 180);
        let changed = later.find(|s| s.stages[stage].running > before[stage]);
        changed.map(|s| s.second).unwrap()
    };
    assert_ne!(first_change(0), first_change(1));
    // Once the replicas are there nobody waits for long.
    let calm = seen.iter().filter(|s| s.second > 300 && s.second < 480);
    for look in calm {
        assert!(look.stages[1].queued < 10, "{look:?}");
    }
    assert_eq!(table(&seen).lines().count(), seen.len() + 1);
}

#[test]
fn the_same_happens_each_time() {
    assert_eq!(simulate().unwrap(), simulate().unwrap());
}
