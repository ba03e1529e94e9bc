//! Replicas follow the objectives of their application, as they are measured.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::fixture::{EchoDeployment, World, blueprint, call, seconds, start};
use crate::deployment::autoscaling::slo::SloConfig;
use crate::deployment::autoscaling::{AutoscalingConfig, AutoscalingSettings};
use crate::deployment::{
    Deployment, DeploymentConfig, Governor, Host, Rate, Realm, Replicas, StreamPart,
};

fn planned(min: u32, max: u32) -> DeploymentConfig {
    let settings = AutoscalingSettings {
        min_replicas: min,
        max_replicas: max,
        upscale_delay_s: 5.0,
        downscale_delay_s: 60.0,
        ..AutoscalingSettings::default()
    };
    DeploymentConfig {
        replicas: Replicas::Planned(AutoscalingConfig::new(&settings).unwrap()),
        max_ongoing_requests: 1,
        max_queued_requests: 10_000,
        ..DeploymentConfig::default()
    }
}

/// Two stages, one after the other: `lookup` takes 0.05 s, `answer` 0.5 s.
struct Application {
    lookup: Arc<EchoDeployment>,
    answer: Arc<EchoDeployment>,
    requests: Arc<Rate>,
    governor: Governor,
}

impl Application {
    fn start(slo: SloConfig, answer: DeploymentConfig) -> Self {
        let deploy = |name: &str, config, takes| {
            let made = blueprint(&Arc::new(World::default()), 1, seconds(1.0), takes);
            Arc::new(Deployment::start(name, config, made, &Host::new(1)))
        };
        let lookup = deploy("lookup", planned(1, 8), seconds(0.05));
        let answer = deploy("answer", answer, seconds(0.5));
        let requests = Arc::new(Rate::new());
        let governor = Governor::start(Realm {
            application: "app".into(),
            slo,
            requests: Arc::clone(&requests),
            deployments: vec![
                (lookup.planned(), StreamPart::Before),
                (answer.planned(), StreamPart::Before),
            ],
        });
        Self {
            lookup,
            answer,
            requests,
            governor,
        }
    }

    /// Requests come evenly.
    fn load(&self, every: Duration, lasting: Duration) -> JoinHandle<()> {
        let (lookup, answer) = (self.lookup.handle(), self.answer.handle());
        let requests = Arc::clone(&self.requests);
        tokio::spawn(async move {
            let (began, mut calls) = (Instant::now(), JoinSet::new());
            while began.elapsed() < lasting {
                requests.note(Instant::now());
                let (lookup, answer) = (lookup.clone(), answer.clone());
                calls.spawn(async move {
                    lookup.call(1, &call()).await.unwrap();
                    answer.call(1, &call()).await.unwrap();
                });
                sleep(every).await;
            }
            calls.join_all().await;
        })
    }
}

fn total(seconds: f64) -> SloConfig {
    SloConfig::new(None, None, Some(seconds)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_stage_that_is_waited_for_grows_and_shrinks_again() {
    let app = Application::start(total(1.2), planned(1, 8));
    // Four a second are two replicas' work of `answer` and a fifth of one's of `lookup`.
    let load = app.load(seconds(0.25), seconds(120.0));
    sleep(seconds(100.0)).await;
    let status = app.answer.status();
    assert!((3..=6).contains(&status.target_num_replicas), "{status:?}");
    assert_eq!(app.lookup.status().target_num_replicas, 1);
    let first = &status.decisions[0];
    assert_eq!((first.policy, first.prev_num_replicas), ("slo", 1));
    assert!(first.reason.contains("answer"), "{}", first.reason);
    load.await.unwrap();
    // Nobody comes any more: after the delay the replicas go.
    sleep(seconds(300.0)).await;
    assert_eq!(app.answer.status().target_num_replicas, 1);
    app.governor.shut_down().await;
}

/// The delay before fewer replicas holds, and bounds do whatever is promised.
#[tokio::test(start_paused = true)]
async fn bounds_and_delays_are_kept() {
    let app = Application::start(total(0.6), planned(2, 3));
    let load = app.load(seconds(0.1), seconds(60.0));
    let mut most = 0;
    let began = Instant::now();
    let mut first_change = None;
    while began.elapsed() < seconds(60.0) {
        let target = app.answer.status().target_num_replicas;
        most = most.max(target);
        if target == 3 {
            first_change.get_or_insert_with(|| began.elapsed());
        }
        assert!(
            began.elapsed() < seconds(1.0) || (2..=3).contains(&target),
            "{target}"
        );
        sleep(seconds(0.5)).await;
    }
    assert_eq!(most, 3);
    assert!(first_change.unwrap() >= seconds(5.0), "{first_change:?}");
    load.abort();
    app.governor.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn fixed_replicas_stay_and_count() {
    let fixed = DeploymentConfig {
        replicas: Replicas::Fixed(2),
        ..planned(1, 1)
    };
    let app = Application::start(total(0.6), fixed);
    let load = app.load(seconds(0.2), seconds(60.0));
    load.await.unwrap();
    assert_eq!(app.answer.status().target_num_replicas, 2);
    assert!(app.answer.status().decisions.is_empty());
    assert_eq!(app.lookup.status().target_num_replicas, 1);
    app.governor.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_deployment_without_requests_goes_to_zero_and_wakes() {
    let app = Application::start(total(5.0), planned(0, 4));
    sleep(seconds(5.0)).await;
    assert_eq!(app.answer.status().target_num_replicas, 0);
    let began = Instant::now();
    let load = app.load(seconds(1.0), seconds(3.0));
    load.await.unwrap();
    assert!(began.elapsed() < seconds(10.0), "{:?}", began.elapsed());
    sleep(seconds(300.0)).await;
    assert_eq!(app.answer.status().target_num_replicas, 0);
    app.governor.shut_down().await;
}

/// From one policy to the other the replicas that are there stay.
#[tokio::test(start_paused = true)]
async fn a_number_is_kept_when_the_policy_changes() {
    let settings = AutoscalingSettings {
        initial_replicas: Some(4),
        max_replicas: 8,
        ..AutoscalingSettings::default()
    };
    let auto = AutoscalingConfig::new(&settings).unwrap();
    let with = |replicas| DeploymentConfig {
        replicas,
        ..DeploymentConfig::default()
    };
    let made = blueprint(&Arc::new(World::default()), 1, Duration::ZERO, seconds(1.0));
    let deployment = start(with(Replicas::Auto(auto)), made.clone());
    sleep(seconds(2.0)).await;
    assert_eq!(deployment.status().target_num_replicas, 4);
    deployment.update(planned(1, 8), made);
    sleep(seconds(2.0)).await;
    assert_eq!(deployment.status().target_num_replicas, 4);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_of_the_last_minute() {
    let rate = Rate::new();
    assert!(rate.per_second(Instant::now()).abs() < 1e-9);
    for _ in 0..240 {
        rate.note(Instant::now());
        sleep(seconds(0.5)).await;
    }
    assert!((rate.per_second(Instant::now()) - 2.0).abs() < 0.05);
    sleep(seconds(30.0)).await;
    assert!((rate.per_second(Instant::now()) - 1.0).abs() < 0.05);
    sleep(seconds(31.0)).await;
    assert!(rate.per_second(Instant::now()).abs() < 1e-9);
}
