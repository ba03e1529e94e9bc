//! Real children: Python scripts, where `PENSTOCK_TEST_PYTHON` names an interpreter, else `python3`.

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::BufReader;

use super::wire::line;
use super::{ProcessOptions, ProcessStage, Readiness};
use crate::payload::Payload;
use crate::stage::{Call, Stage, StageError};

/// Answers pairs of requests in reverse order; `die`, `long`, `odd`, `quiet` and `error` do as they say.
const SCRIPT: &str = r#"
import json, os, sys
held = None
def say(reply):
    print(json.dumps(reply), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    text = request["variables"]["question"]
    reply = {"id": request["id"], "variables": {"answer": text.upper(), "pid": os.getpid()}}
    if text == "die":
        sys.exit(3)
    elif text == "long":
        print("x" * 100000, flush=True)
    elif text == "odd":
        say({"id": request["id"], "variables": {"other": 1}})
    elif text == "quiet":
        print("no answer", file=sys.stderr, flush=True)
    elif text == "error":
        say({"id": request["id"], "error": "cannot do that"})
    elif text.startswith("pair"):
        if held is None:
            held = reply
        else:
            say(reply)
            say(held)
            held = None
    else:
        say(reply)
"#;

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told their interpreter by the environment"
)]
fn python() -> String {
    std::env::var("PENSTOCK_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn options(folder: &Path) -> ProcessOptions {
    std::fs::write(folder.join("worker.py"), SCRIPT).unwrap();
    ProcessOptions {
        command: vec![python(), "worker.py".to_owned()],
        folder: folder.to_owned(),
        env: Vec::new(),
        reads: vec!["question".to_owned()],
        writes: vec!["answer".to_owned(), "pid".to_owned()],
        readiness: Readiness::Lives,
        timeout: Duration::from_secs(60),
        max_line_bytes: 1000,
    }
}

async fn ask(stage: &ProcessStage, question: &str) -> Result<Payload, StageError> {
    let mut payload = Payload::new();
    payload.set("question", question);
    stage.call(payload, &Call::new("test")).await
}

fn pid(payload: &Payload) -> u64 {
    payload.get("pid").and_then(Value::as_u64).unwrap()
}

#[tokio::test]
async fn one_child_answers_all_in_whatever_order() {
    let folder = tempfile::tempdir().unwrap();
    let stage = ProcessStage::start(options(folder.path())).await.unwrap();
    let first = ask(&stage, "one").await.unwrap();
    assert_eq!(first.text("answer").unwrap(), "ONE");
    let questions: Vec<String> = (0..40).map(|index| format!("pair {index}")).collect();
    let answers = join_all(questions.iter().map(|question| ask(&stage, question))).await;
    for (question, answer) in questions.iter().zip(answers) {
        let answer = answer.unwrap();
        assert_eq!(answer.text("answer").unwrap(), question.to_uppercase());
        assert_eq!(pid(&answer), pid(&first));
    }
}

#[tokio::test]
async fn what_a_child_says_of_itself_is_an_error_of_that_request_alone() {
    let folder = tempfile::tempdir().unwrap();
    let stage = ProcessStage::start(options(folder.path())).await.unwrap();
    let error = ask(&stage, "error").await.unwrap_err();
    assert!(
        matches!(&error, StageError::Failed(said) if said == "cannot do that"),
        "{error}"
    );
    let odd = ask(&stage, "odd").await.unwrap_err().to_string();
    assert_eq!(odd, "the answer of the child process has no `answer`");
    let long = ask(&stage, &"x".repeat(2000)).await.unwrap_err();
    assert!(matches!(long, StageError::Invalid { .. }));
    let missing = stage
        .call(Payload::new(), &Call::new("test"))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, StageError::Invalid { param: Some(param), .. } if param == "question")
    );
    assert!(ask(&stage, "one").await.is_ok());
}

#[tokio::test]
async fn a_child_that_dies_is_replaced_and_its_requests_may_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let stage = ProcessStage::start(options(folder.path())).await.unwrap();
    let before = pid(&ask(&stage, "one").await.unwrap());
    let waits = ask(&stage, "pair of nobody");
    let dies = async {
        // Behind the one that waits.
        tokio::task::yield_now().await;
        ask(&stage, "die").await
    };
    let (waited, died) = futures::join!(waits, dies);
    for error in [waited.unwrap_err(), died.unwrap_err()] {
        assert!(error.may_retry());
        assert!(
            error.to_string().contains("has ended (exit status: 3)"),
            "{error}"
        );
    }
    // The next one waits for the next child.
    let after = pid(&ask(&stage, "two").await.unwrap());
    assert_ne!(before, after);
    assert!(stage.check_health().await.is_ok());
}

#[tokio::test]
async fn a_line_that_is_too_long_or_no_answer_ends_the_child() {
    let folder = tempfile::tempdir().unwrap();
    let stage = ProcessStage::start(options(folder.path())).await.unwrap();
    let error = ask(&stage, "long").await.unwrap_err().to_string();
    assert!(
        error.ends_with("it wrote a line of more than 1000 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn no_answer_in_time_is_an_error_and_the_child_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    let patient = ProcessStage::start(options.clone()).await.unwrap();
    options.timeout = Duration::from_millis(1);
    let hasty = ProcessStage::start(options).await.unwrap();
    let error = ask(&hasty, "quiet").await.unwrap_err();
    assert!(
        error.may_retry() && error.to_string().contains("did not answer within 1ms"),
        "{error}"
    );
    // Giving a request up does not disturb the others.
    let given_up = tokio::time::timeout(Duration::from_millis(1), ask(&patient, "quiet"));
    assert!(given_up.await.is_err());
    assert!(ask(&patient, "one").await.is_ok());
}

#[tokio::test]
async fn dropping_the_stage_kills_the_child() {
    let folder = tempfile::tempdir().unwrap();
    let stage = ProcessStage::start(options(folder.path())).await.unwrap();
    let pid = pid(&ask(&stage, "one").await.unwrap());
    let process = format!("/proc/{pid}/cmdline");
    assert!(!std::fs::read(&process).unwrap().is_empty());
    drop(stage);
    // The system needs a moment; an empty command line is a child that is dead and not yet reaped.
    while std::fs::read(&process).is_ok_and(|line| !line.is_empty()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.command = vec!["/no/such/program".to_owned()];
    let error = ProcessStage::start(options).await.unwrap_err().to_string();
    assert!(
        error.starts_with("`/no/such/program` cannot be started"),
        "{error}"
    );
}

#[tokio::test]
async fn a_program_that_ends_at_once_has_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    // A shell is there within milliseconds, also where an interpreter would take its second to start.
    options.command = ["sh", "-c", "exit 7"].map(str::to_owned).to_vec();
    let error = ProcessStage::start(options).await.unwrap_err().to_string();
    assert!(error.contains("exit status: 7"), "{error}");
}

/// A shell that says when it is ready.
fn shell(folder: &Path, script: &str) -> ProcessOptions {
    ProcessOptions {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        readiness: Readiness::SaysSo(Duration::from_secs(60)),
        ..options(folder)
    }
}

#[tokio::test]
async fn a_child_that_was_asked_and_writes_nothing_is_unhealthy() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"echo '{"ready": true}'; while read line; do sleep 600; done"#;
    let mut options = shell(folder.path(), script);
    options.timeout = Duration::from_millis(50);
    let stage = ProcessStage::start(options).await.unwrap();
    assert!(stage.check_health().await.is_ok(), "it has nothing to do");
    assert!(ask(&stage, "one").await.is_err());
    tokio::time::sleep(Duration::from_millis(2)).await;
    let sick = stage.check_health().await.unwrap_err().to_string();
    assert!(sick.contains("has written nothing for"), "{sick}");
}

#[tokio::test]
async fn a_child_that_answers_others_is_healthy_while_one_takes_long() {
    let waiting = std::sync::Arc::new(super::waiting::Waiting::new());
    tokio::time::pause();
    let long = waiting.ticket(1).unwrap();
    for id in 2..20 {
        let short = waiting.ticket(id).unwrap();
        assert!(waiting.give(id));
        tokio::time::advance(Duration::from_secs(1)).await;
        let reply = format!(r#"{{"id": {id}, "variables": {{}}}}"#);
        let super::wire::Line::Reply(reply) = super::wire::Line::parse(reply.as_bytes()).unwrap()
        else {
            panic!()
        };
        waiting.answer(reply);
        assert!(short.answer().await.is_ok());
        assert_eq!(waiting.silent_for(), Some(Duration::ZERO));
    }
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!(waiting.silent_for(), Some(Duration::from_secs(7)));
    drop(long);
    assert_eq!(waiting.silent_for(), None, "it was never given that");
}

#[tokio::test]
async fn a_child_that_says_when_it_is_ready_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let answers = r#"echo '{"ready": true}'; read l; echo '{"id": 1, "variables": {"answer": "x", "pid": 1}}'; read l"#;
    let loads = format!("sleep 1.5; {answers}");
    let mut options = shell(folder.path(), &loads);
    options.timeout = Duration::from_secs(30);
    let stage = ProcessStage::start(options).await.unwrap();
    assert!(ask(&stage, "one").await.is_ok());
    let fails = "sleep 1.5; echo loading >&2; echo no such model >&2; exit 4";
    let failed = ProcessStage::start(shell(folder.path(), fails)).await;
    let failed = failed.unwrap_err().to_string();
    assert!(failed.contains("exit status: 4"), "{failed}");
    assert!(
        failed.ends_with("it said last: loading\nno such model"),
        "{failed}"
    );
    let mut never = shell(folder.path(), "sleep 600");
    never.readiness = Readiness::SaysSo(Duration::from_millis(10));
    let late = ProcessStage::start(never).await.unwrap_err().to_string();
    assert!(late.contains("its `start_timeout_s`"), "{late}");
}

#[tokio::test]
async fn lines_are_bounded_and_whole() {
    let mut reader = BufReader::with_capacity(3, &b"one\n\nthree\ntail"[..]);
    assert_eq!(line(&mut reader, 5).await.unwrap().unwrap(), b"one");
    assert_eq!(line(&mut reader, 5).await.unwrap().unwrap(), b"");
    assert_eq!(line(&mut reader, 5).await.unwrap().unwrap(), b"three");
    assert_eq!(
        line(&mut reader, 5).await.unwrap(),
        None,
        "a line has an end"
    );
    let mut reader = BufReader::with_capacity(3, &b"too long\n"[..]);
    assert!(line(&mut reader, 7).await.is_err());
}

#[test]
fn its_signature_is_what_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let signature = options(folder.path()).signature();
    let names: Vec<_> = signature
        .reads
        .keys()
        .chain(signature.writes.keys())
        .collect();
    assert_eq!(json!(names), json!(["question", "answer", "pid"]));
}
