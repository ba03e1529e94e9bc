//! The application, the load, and what is seen of them.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use llm_apps::deployment::autoscaling::{AutoscalingConfig, AutoscalingSettings};
use llm_apps::deployment::{Blueprint, Deployment, DeploymentConfig, Host, Replicas};
use llm_apps::payload::Payload;
use llm_apps::pipeline::{Member, Pipeline, Step};
use llm_apps::stage::{Call, Stage, StageError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// The stages, in the order in which a request passes them.
pub(crate) const STAGES: [&str; 3] = ["lookup", "generate", "validate"];
/// Requests a second from a second on.
pub(crate) const LOAD: [(u64, f64); 3] = [(0, 10.0), (180, 20.0), (480, 5.0)];
/// When it ends.
pub(crate) const END: u64 = 900;
/// Seconds between two looks.
const LOOK: usize = 2;

/// What was seen at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) second: u64,
    /// Requests a second that come.
    pub(crate) rate: f64,
    /// Of each stage.
    pub(crate) stages: [StageSeen; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StageSeen {
    /// Replicas that take requests.
    pub(crate) running: usize,
    /// Replicas that are wanted.
    pub(crate) target: usize,
    /// Requests that wait.
    pub(crate) queued: usize,
    /// Requests at replicas.
    pub(crate) ongoing: usize,
}

/// Takes as long as its kind of work takes, a third more or less.
struct Work {
    takes: Duration,
}

impl Stage for Work {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, payload: Payload, call: &Call) -> Result<Payload, StageError> {
        let number = call.request_id().parse().unwrap_or(0);
        sleep(self.takes.mul_f64(0.67 + 0.66 * chance(number))).await;
        Ok(payload)
    }
}

/// How a stage works and scales.
#[derive(Clone, Copy)]
struct Kind {
    takes: Duration,
    /// How long a replica takes to start.
    starts: Duration,
    places: usize,
    target_ongoing_requests: f64,
}

const KINDS: [Kind; 3] = [
    Kind {
        takes: Duration::from_millis(300),
        starts: Duration::from_secs(2),
        places: 4,
        target_ongoing_requests: 2.0,
    },
    Kind {
        takes: Duration::from_millis(1500),
        starts: Duration::from_secs(10),
        places: 8,
        target_ongoing_requests: 4.0,
    },
    Kind {
        takes: Duration::from_millis(60),
        starts: Duration::from_secs(1),
        places: 1,
        target_ongoing_requests: 0.7,
    },
];

/// Runs it all on a virtual clock.
///
/// # Errors
/// The system's, where there is no runtime to be had.
pub(crate) fn simulate() -> io::Result<Vec<Seen>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(run()))
}

async fn run() -> Vec<Seen> {
    let deployments: Vec<_> = STAGES
        .iter()
        .zip(KINDS)
        .map(|(name, k)| deploy(name, k))
        .collect();
    let steps = deployments.iter().map(|deployment| {
        Step::Call(Member {
            handle: deployment.handle(),
            takes_stream: false,
        })
    });
    let pipeline = Arc::new(Pipeline::new(steps.collect()));
    let began = Instant::now();
    let mut requests = JoinSet::new();
    requests.spawn(come(Arc::clone(&pipeline), began));
    let mut seen = Vec::new();
    for second in (0..=END).step_by(LOOK) {
        sleep_until(began + Duration::from_secs(second)).await;
        let stages = [0, 1, 2].map(|index: usize| {
            let status = deployments[index].status();
            StageSeen {
                running: status.running(),
                target: status.target_num_replicas,
                queued: status.queued_requests,
                ongoing: status.ongoing_requests,
            }
        });
        seen.push(Seen {
            second,
            rate: rate(second),
            stages,
        });
    }
    requests.shutdown().await;
    for deployment in deployments {
        deployment.shut_down().await;
    }
    seen
}

fn deploy(name: &str, kind: Kind) -> Deployment<Payload, Payload> {
    let settings = AutoscalingSettings {
        max_replicas: 12,
        target_ongoing_requests: kind.target_ongoing_requests,
        look_back_period_s: 20.0,
        upscale_delay_s: 10.0,
        downscale_delay_s: 60.0,
        ..AutoscalingSettings::default()
    };
    let replicas =
        AutoscalingConfig::new(&settings).map_or_else(|_| Replicas::default(), Replicas::Auto);
    let config = DeploymentConfig {
        replicas,
        max_ongoing_requests: kind.places,
        ..DeploymentConfig::default()
    };
    let (takes, starts) = (kind.takes, kind.starts);
    let blueprint = Blueprint::new(1, move || async move {
        sleep(starts).await;
        Ok(Work { takes })
    });
    Deployment::start(name, config, blueprint, &Host::new(1))
}

/// Requests come independently of each other (Poisson), whatever becomes of those before.
async fn come(pipeline: Arc<Pipeline>, began: Instant) {
    let mut requests = JoinSet::new();
    for number in 0_u64.. {
        let rate = rate(began.elapsed().as_secs());
        let gap = -chance(!number).max(1e-9).ln() / rate;
        sleep(Duration::from_secs_f64(gap)).await;
        let pipeline = Arc::clone(&pipeline);
        requests.spawn(async move {
            let call = Call::new(number.to_string());
            pipeline.run(Payload::new(), &call).await.is_ok()
        });
        while requests.try_join_next().is_some() {}
    }
}

/// Requests a second.
fn rate(second: u64) -> f64 {
    let begun = LOAD.iter().rfind(|(from, _)| *from <= second);
    begun.map_or(1.0, |(_, rate)| *rate)
}

/// A number from 0 to 1 for each `n`, the same in every run (`SplitMix64`, Steele, Lea and Flood, 2014).
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn chance(n: u64) -> f64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// One line for each look.
pub(crate) fn table(seen: &[Seen]) -> String {
    let mut table = String::from("second,requests_per_second");
    for name in STAGES {
        for what in ["target", "replicas", "queued", "ongoing"] {
            table += &format!(",{name}_{what}");
        }
    }
    table.push('\n');
    for line in seen {
        table += &format!("{},{}", line.second, line.rate);
        for s in &line.stages {
            // Writing to a text does not fail.
            write!(
                table,
                ",{},{},{},{}",
                s.target, s.running, s.queued, s.ongoing
            )
            .ok();
        }
        table.push('\n');
    }
    table
}
