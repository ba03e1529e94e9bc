//! Branches, ways beside each other, loops.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::fixture::{Deployed, deploy};
use crate::payload::Payload;
use crate::pipeline::{Pipeline, PipelineError, Step};
use crate::stage::{Call, CallError, StageError};
use crate::template::Condition;

/// Adds its name to the list `trail`.
fn trail(name: &'static str) -> Deployed {
    deploy(name, move |mut payload| async move {
        let mut trail: Vec<Value> = payload.read("trail")?;
        trail.push(name.into());
        payload.set("trail", trail);
        Ok(payload)
    })
}

fn start() -> Payload {
    let mut payload = Payload::new();
    payload.set("trail", json!([]));
    payload
}

async fn walk(steps: Vec<Step>, payload: Payload) -> Result<Payload, PipelineError> {
    Pipeline::new(steps).run(payload, &Call::new("r")).await
}

#[tokio::test(start_paused = true)]
async fn steps_run_in_their_order_and_a_branch_goes_one_way() {
    let (a, b, c) = (trail("a"), trail("b"), trail("c"));
    let branch = Step::Branch {
        when: Condition::new("trail | length == wanted").unwrap(),
        then: vec![b.step()],
        otherwise: vec![c.step(), c.step()],
    };
    let steps = vec![a.step(), branch, a.step()];
    for (wanted, expected) in [
        (1, json!(["a", "b", "a"])),
        (2, json!(["a", "c", "c", "a"])),
    ] {
        let mut payload = start();
        payload.set("wanted", wanted);
        let end = walk(steps.clone(), payload).await.unwrap();
        assert_eq!(end.get("trail"), Some(&expected));
    }
}

#[tokio::test(start_paused = true)]
async fn ways_beside_each_other_take_as_long_as_the_longest() {
    let slow = |name: &'static str, seconds| {
        deploy(name, move |mut payload: Payload| async move {
            sleep(Duration::from_secs(seconds)).await;
            payload.set(name, seconds);
            Ok(payload)
        })
    };
    let (one, two, three) = (slow("one", 1), slow("two", 2), slow("three", 3));
    one.idle().await;
    let began = Instant::now();
    let ways = Step::Parallel(vec![
        vec![one.step(), two.step()],
        vec![three.step()],
        vec![],
    ]);
    let end = walk(vec![ways], start()).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_millis(3100),
        "{:?}",
        began.elapsed()
    );
    let made = json!({"trail": [], "one": 1, "two": 2, "three": 3});
    assert_eq!(Value::from(end.into_variables()), made);
}

#[tokio::test(start_paused = true)]
async fn a_loop_ends_when_it_is_enough_or_when_its_attempts_are_used_up() {
    let a = trail("a");
    for (enough, runs) in [(1, 1), (3, 3), (9, 4)] {
        let again = Step::Loop {
            steps: vec![a.step()],
            until: Condition::new(&format!("attempt == {enough}")).unwrap(),
            max_attempts: 4,
            writes: vec!["trail".to_owned(), "reason".to_owned()],
        };
        let end = walk(vec![again], start()).await.unwrap();
        assert_eq!(end.read::<Vec<String>>("trail").unwrap().len(), runs);
        assert_eq!(
            end.get("reason"),
            Some(&Value::Null),
            "what nobody has made yet"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_ends_it_and_cancels_those_beside() {
    let fails = deploy("fails", |_| async { Err(StageError::failed("no")) });
    let endless = deploy("endless", |payload| async move {
        sleep(Duration::from_secs(1_000_000)).await;
        Ok(payload)
    });
    let ways = Step::Parallel(vec![vec![endless.step()], vec![fails.step()]]);
    let error = walk(vec![ways], start()).await.unwrap_err();
    assert_eq!(error.to_string(), "the stage `fails` failed: no");
    endless.idle().await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_all_steps_together() {
    let slow = deploy("slow", |payload| async move {
        sleep(Duration::from_secs(2)).await;
        Ok(payload)
    });
    slow.idle().await;
    let call = Call::new("r").with_timeout(Duration::from_secs(5));
    let steps = vec![slow.step(), slow.step(), slow.step()];
    let late = Pipeline::new(steps).run(start(), &call).await.unwrap_err();
    assert!(
        matches!(
            late,
            PipelineError::Call(CallError::DeadlineExceeded { .. })
        ),
        "{late:?}"
    );
    assert_eq!(call.timings().len(), 2, "two stages ended");
}
