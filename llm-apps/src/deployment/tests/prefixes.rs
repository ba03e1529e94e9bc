//! Requests that begin alike: who gets them, and what is remembered of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{World, blueprint, seconds, start, until};
use crate::deployment::router::{
    Candidate, LeastLoaded, PowerOfTwoChoices, PrefixAware, PrefixAwareConfig, RequestRouter,
    RouterConfig,
};
use crate::deployment::{DeploymentConfig, ReplicaId, Replicas};
use crate::stage::{Call, PREFIX_BLOCK, Prefix};

fn candidates(ongoing: &[usize]) -> Vec<Candidate> {
    let candidate = |(index, &ongoing): (usize, &usize)| Candidate {
        replica: ReplicaId(index as u64),
        ongoing,
    };
    ongoing.iter().enumerate().map(candidate).collect()
}

fn asking(text: &str) -> Call {
    Call::new("r").with_prefix(Prefix::of_text(text).unwrap())
}

fn router(config: PrefixAwareConfig) -> PrefixAware<PowerOfTwoChoices> {
    PrefixAware::new(config, PowerOfTwoChoices::new(3))
}

/// A text of so many characters that begins with its topic.
fn text(topic: &str, chars: usize) -> String {
    topic.chars().cycle().take(chars).collect()
}

#[test]
fn a_conversation_stays_where_it_began_and_others_go_where_least_is_known() {
    let mut router = router(PrefixAwareConfig::default());
    let free = candidates(&[0; 4]);
    let mut homes = Vec::new();
    for topic in ["ants ", "bees ", "cats ", "dogs "] {
        let mut conversation = text(topic, 400);
        let home = router.choose(&free, &asking(&conversation)).unwrap();
        for turn in 0..5 {
            conversation += &format!("turn {turn}, which is another one; ");
            let again = router.choose(&free, &asking(&conversation)).unwrap();
            assert_eq!(again, home, "{topic}");
        }
        homes.push(home);
    }
    homes.sort_unstable();
    assert_eq!(homes, [0, 1, 2, 3], "each replica has one");
}

/// Keyed by the first message alone, all requests of one product would be one.
#[test]
fn all_messages_count_not_only_the_first() {
    let conversation = |user: &str| {
        let system = text("you are helpful. ", 300);
        let messages = json!([
            {"role": "system", "content": system},
            {"role": "user", "content": user},
        ]);
        Prefix::of_value(&messages).unwrap()
    };
    let (one, other) = (conversation("ants?"), conversation("bees?"));
    assert_ne!(one, other);
    let shared = one.blocks().iter().zip(other.blocks());
    let shared = shared.take_while(|(a, b)| a == b).count();
    assert!(shared >= 2, "{shared} blocks of the system's message");
    assert_eq!(conversation("ants?"), one);
}

/// The death spiral of routers that go by the cache alone: one replica has all, the others nothing.
#[test]
fn no_replica_takes_everything() {
    let mut router = router(PrefixAwareConfig::default());
    let mut loads = vec![0; 8];
    for _ in 0..800 {
        let call = asking(&text("all begin alike. ", 1000));
        let chosen = router.choose(&candidates(&loads), &call).unwrap();
        loads[chosen] += 1;
        let spread = loads.iter().max().unwrap() - loads.iter().min().unwrap();
        assert!(spread <= 2 * 8, "{loads:?}");
    }
    assert!(loads.iter().all(|load| *load >= 80), "{loads:?}");
}

/// Loads that were counted when a request arrives at its replica, and not when it is chosen, would
/// send a burst to one.
#[tokio::test(start_paused = true)]
async fn a_burst_that_begins_alike_is_spread_as_it_is_chosen() {
    let world: Arc<World> = Arc::default();
    let config = DeploymentConfig {
        replicas: Replicas::Fixed(4),
        max_ongoing_requests: 100,
        router: RouterConfig::PrefixAware(PrefixAwareConfig {
            imbalanced_threshold: 4,
            ..PrefixAwareConfig::default()
        }),
        ..DeploymentConfig::default()
    };
    let made = blueprint(&world, 1, Duration::ZERO, seconds(1.0))
        .with_prefix(|_| Prefix::of_text("they all ask the same"));
    let deployment = start(config, made);
    until(&deployment, |s| s.running() == 4).await;
    let handle = deployment.handle();
    let call = Call::new("r");
    let opened = join_all((0..80).map(|n| handle.open(n, &call))).await;
    let mut loads = [0; 4];
    for answer in opened {
        let (_, permit) = answer.unwrap();
        loads[usize::try_from(permit.replica().0).unwrap()] += 1;
    }
    assert!(
        loads.iter().all(|load| (12..=28).contains(load)),
        "{loads:?}"
    );
}

#[test]
fn requests_without_a_text_go_by_load() {
    let mut router = PrefixAware::new(PrefixAwareConfig::default(), LeastLoaded::default());
    let loads = candidates(&[3, 1, 2]);
    assert_eq!(router.choose(&loads, &Call::new("r")), Some(1));
    assert_eq!(router.choose(&[], &asking("anything")), None);
    assert_eq!(Prefix::of_text(""), None);
    assert_eq!(Prefix::of_value(&json!(null)), None);
}

#[tokio::test(start_paused = true)]
async fn a_new_router_takes_over_in_place() {
    let world: Arc<World> = Arc::default();
    let config = |router| DeploymentConfig {
        replicas: Replicas::Fixed(3),
        router,
        ..DeploymentConfig::default()
    };
    let made = blueprint(&world, 1, Duration::ZERO, Duration::ZERO)
        .with_prefix(|_| Prefix::of_text("they all ask the same"));
    let deployment = start(config(RouterConfig::LeastLoaded), made.clone());
    until(&deployment, |s| s.running() == 3).await;
    let replicas = async || {
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..30 {
            let (_, permit) = deployment.handle().open(n, &Call::new("r")).await.unwrap();
            seen.insert(permit.replica());
        }
        seen.len()
    };
    assert_eq!(replicas().await, 3, "each in its turn");
    let prefix = RouterConfig::PrefixAware(PrefixAwareConfig::default());
    deployment.update(config(prefix), made);
    tokio::time::sleep(seconds(1.0)).await;
    assert_eq!(replicas().await, 1, "where the text is known");
    let made = world.made.load(Ordering::SeqCst);
    assert_eq!(made, 3, "no replica was restarted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever comes: memory is bounded, what is chosen is a candidate, what has gone is forgotten.
    #[test]
    fn memory_is_bounded_and_the_gone_are_forgotten(
        requests in prop::collection::vec((0_u8..6, 1_usize..3000, 0_u64..5, any::<bool>()), 1..200),
        threshold in 300_usize..4000,
    ) {
        let mut router = router(PrefixAwareConfig {
            eviction_threshold_chars: threshold,
            eviction_target_chars: threshold * 9 / 10,
            ..PrefixAwareConfig::default()
        });
        for (topic, chars, replica, goes) in requests {
            let topic = format!("topic {topic} ");
            let four = candidates(&[1, 0, 2, 0]);
            let chosen = router.choose(&four, &asking(&text(&topic, chars)));
            prop_assert!(chosen.is_some_and(|index| index < 4));
            for known in 0..5 {
                let remembered = router.remembered(ReplicaId(known)) * PREFIX_BLOCK;
                prop_assert!(remembered <= threshold, "{remembered} of {threshold}");
            }
            if goes {
                router.forget(ReplicaId(replica));
                prop_assert_eq!(router.remembered(ReplicaId(replica)), 0);
            }
        }
    }

    /// Where nothing is forgotten, the replica that was given the longest beginning of a text is the
    /// one that gets it.
    #[test]
    fn the_longest_known_beginning_wins(
        texts in prop::collection::vec("[ab]{130,600}", 1..40),
        asked in "[ab]{130,600}",
    ) {
        let mut router = router(PrefixAwareConfig {
            match_rate_threshold: 0.0,
            ..PrefixAwareConfig::default()
        });
        let mut given: Vec<Vec<String>> = vec![Vec::new(); 3];
        for text in texts {
            let chosen = router.choose(&candidates(&[0; 3]), &asking(&text)).unwrap();
            given[chosen].push(text);
        }
        let longest = |texts: &Vec<String>| {
            let asked = Prefix::of_text(&asked).unwrap();
            let shared = |text: &String| {
                let known = Prefix::of_text(text).unwrap();
                let pairs = known.blocks().iter().zip(asked.blocks());
                pairs.take_while(|(a, b)| a == b).count()
            };
            texts.iter().map(shared).max().unwrap_or(0)
        };
        let best = given.iter().map(longest).max().unwrap();
        let chosen = router.choose(&candidates(&[0; 3]), &asking(&asked)).unwrap();
        prop_assert!(best == 0 || longest(&given[chosen]) == best);
    }
}
