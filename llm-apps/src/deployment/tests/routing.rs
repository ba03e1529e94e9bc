//! Where requests go.

use crate::deployment::ReplicaId;
use crate::deployment::router::{
    Candidate, LeastLoaded, PowerOfTwoChoices, RequestRouter, SessionAffinity,
};
use crate::stage::Call;

fn candidates(ongoing: &[usize]) -> Vec<Candidate> {
    let candidate = |(index, &ongoing): (usize, &usize)| Candidate {
        replica: ReplicaId(index as u64),
        ongoing,
    };
    ongoing.iter().enumerate().map(candidate).collect()
}

/// Loads after `requests` that never end.
fn spread(router: &mut dyn RequestRouter, replicas: usize, requests: usize) -> Vec<usize> {
    let mut loads = vec![0; replicas];
    for _ in 0..requests {
        let chosen = router.choose(&candidates(&loads), &Call::new("r")).unwrap();
        loads[chosen] += 1;
    }
    loads
}

#[test]
fn power_of_two_choices_is_nearly_even_and_repeatable() {
    for replicas in 1..=16 {
        let loads = spread(&mut PowerOfTwoChoices::new(42), replicas, 100 * replicas);
        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        assert!(most - least <= 8, "{loads:?}");
        assert_eq!(
            loads,
            spread(&mut PowerOfTwoChoices::new(42), replicas, 100 * replicas)
        );
    }
}

#[test]
fn least_loaded_is_even() {
    assert_eq!(spread(&mut LeastLoaded::default(), 7, 700), [100; 7]);
    let mut router = LeastLoaded::default();
    let call = Call::new("r");
    assert_eq!(router.choose(&candidates(&[3, 1, 2]), &call), Some(1));
    assert_eq!(router.choose(&[], &call), None);
}

#[test]
fn a_session_stays_and_only_a_lost_replicas_sessions_move() {
    let mut router = SessionAffinity::new(LeastLoaded::default());
    let six = candidates(&[0; 6]);
    let at = |router: &mut SessionAffinity<_>, among: &[Candidate], session: usize| {
        let call = Call::new("r").with_session(session.to_string());
        among[router.choose(among, &call).unwrap()].replica
    };
    let homes: Vec<_> = (0..600).map(|s| at(&mut router, &six, s)).collect();
    for replica in 0..6 {
        let count = homes.iter().filter(|home| home.0 == replica).count();
        assert!((60..=140).contains(&count), "{count} of 600 at one of six");
    }
    let five: Vec<_> = six
        .iter()
        .copied()
        .filter(|c| c.replica != ReplicaId(2))
        .collect();
    for (session, home) in homes.iter().enumerate() {
        let now = at(&mut router, &five, session);
        assert!(
            now == *home || *home == ReplicaId(2),
            "session {session} moved"
        );
    }
}
