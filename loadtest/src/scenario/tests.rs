//! The scenarios against a server in this process.

use std::time::Duration;

use super::*;
use crate::cli::Api;
use crate::client::Caller;
use crate::mock::{Behaviour, GENEROUS, Mock};
use crate::outcome::Figure;
use crate::request::{Prompts, Shape};
use crate::server::{Instance, Needs, Server};

const LIMIT: Duration = Duration::from_secs(60);

fn prompts() -> Prompts {
    Prompts {
        model: "m".to_owned(),
        api: Api::Completions,
        seed: 0,
    }
}

fn shape(shared: u32, own: u32, output: u32) -> Shape {
    Shape {
        shared,
        own,
        output,
    }
}

fn caller(mock: &Mock) -> Caller {
    Caller::new(&mock.url, LIMIT).unwrap()
}

#[tokio::test]
async fn clients_of_a_closed_loop_share_a_prefix_and_all_tokens_are_counted() {
    let mock = Mock::start(GENEROUS).await;
    let load = ClosedLoop {
        clients: 3,
        requests: 7,
        shape: shape(4, 2, 5),
    };
    let outcome = load.run(&caller(&mock), &prompts(), 0).await.unwrap();
    let asked = mock.prompts();
    assert_eq!(asked.len(), 7);
    let mut own: Vec<_> = asked.iter().map(|prompt| &prompt[4..]).collect();
    own.sort_unstable();
    own.dedup();
    assert_eq!(own.len(), 7);
    assert!(asked.iter().all(|prompt| prompt[..4] == asked[0][..4]));

    assert_eq!((outcome.requests, outcome.short_answers), (7, 0));
    let figure = |figure| outcome.figures.get(&figure).copied();
    let total = figure(Figure::TotalSeconds).unwrap();
    let rate = figure(Figure::OutputTokensPerSecond).unwrap();
    assert!((total * rate - 35.0).abs() < 1e-6, "5 tokens of 7 answers");
    assert_eq!(figure(Figure::PromptTokensPerSecond), None);

    load.run(&caller(&mock), &prompts(), 1).await.unwrap();
    let again = mock.prompts();
    assert_ne!(
        again[7][0], asked[0][0],
        "another measurement, another prefix"
    );
}

#[tokio::test]
async fn one_client_measures_how_fast_a_prompt_is_read() {
    let mock = Mock::start(GENEROUS).await;
    let load = ClosedLoop {
        clients: 1,
        requests: 2,
        shape: shape(0, 300, 1),
    };
    let outcome = load.run(&caller(&mock), &prompts(), 0).await.unwrap();
    assert!(outcome.figures[&Figure::PromptTokensPerSecond] > 0.0);
    assert!(mock.prompts().iter().all(|prompt| prompt.len() == 300));
}

#[tokio::test]
async fn what_a_server_does_not_give_is_seen() {
    let load = ClosedLoop {
        clients: 1,
        requests: 3,
        shape: shape(0, 2, 5),
    };
    let short = Behaviour {
        most: 4,
        ..GENEROUS
    };
    let mock = Mock::start(short).await;
    let outcome = load.run(&caller(&mock), &prompts(), 0).await.unwrap();
    assert_eq!((outcome.short_answers, outcome.failures.len()), (3, 0));

    let busy = Behaviour {
        refusals: 2,
        ..GENEROUS
    };
    let mock = Mock::start(busy).await;
    let outcome = load.run(&caller(&mock), &prompts(), 0).await.unwrap();
    assert_eq!((outcome.requests, outcome.failures.len()), (3, 2));
    assert!(outcome.failures[0].contains("503"));
}

const AMID: AmidDecodes = AmidDecodes {
    streams: 4,
    stream: Shape {
        shared: 0,
        own: 8,
        output: 1000,
    },
    intruder: Shape {
        shared: 0,
        own: 90,
        output: 1,
    },
    settle: 10,
};

#[tokio::test]
async fn a_long_prompt_comes_in_when_all_answers_run_and_they_are_left_afterwards() {
    // Answers pause after 40 frames until somebody asks for one token only.
    let mock = Mock::start(GENEROUS).await;
    let outcome = AMID.run(&caller(&mock), &prompts(), 0).await.unwrap();
    let lengths: Vec<_> = mock.prompts().iter().map(Vec::len).collect();
    assert_eq!(lengths, [8, 8, 8, 8, 90]);
    assert!(
        mock.frames_before_a_prompt_of(90)
            .iter()
            .all(|&frames| frames >= 10)
    );
    assert!(outcome.figures[&Figure::WorstGapMs] > 0.0);
    assert!(outcome.figures[&Figure::GapBeforeMs] > 0.0);
    mock.nobody_listens().await;
}

#[tokio::test]
async fn answers_that_end_too_soon_are_no_measurement() {
    let mock = Mock::start(Behaviour {
        most: 12,
        ..GENEROUS
    })
    .await;
    let amid = AmidDecodes { settle: 20, ..AMID };
    let error = amid.run(&caller(&mock), &prompts(), 0).await.unwrap_err();
    assert!(
        error.to_string().contains("ended after 12 frames"),
        "{error}"
    );
}

/// A server by its description, started for nothing in particular.
fn instance(server: &str) -> Instance {
    let needs = Needs {
        row: "start",
        clients: 1,
        tokens: 2,
    };
    server
        .parse::<Server>()
        .unwrap()
        .start(&needs, None)
        .unwrap()
}

#[tokio::test]
async fn a_server_that_starts_is_asked_until_it_answers() {
    let mock = Mock::start(Behaviour {
        refusals: 3,
        ..GENEROUS
    })
    .await;
    let mut instance = instance(&format!("mock={}", mock.url));
    let tiny = prompts().write(TINY, 0, 0);
    let time = first_token(&mut instance, &caller(&mock), &tiny)
        .await
        .unwrap();
    assert!(time > Duration::ZERO && time <= instance.born().elapsed());
    assert_eq!(mock.prompts().len(), 1);
}

#[tokio::test]
async fn a_server_that_ends_or_refuses_is_not_waited_for() {
    let mut gone = instance("gone=false");
    let tiny = prompts().write(TINY, 0, 0);
    let nobody = Caller::new(gone.url(), LIMIT).unwrap();
    let error = first_token(&mut gone, &nobody, &tiny).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the server ended: exit status: 1"),
        "{error}"
    );

    let mock = Mock::start(GENEROUS).await;
    let mut wrong = instance(&format!("mock={}", mock.url));
    let mut request = prompts().write(TINY, 0, 0);
    request.body["model"] = "another".into();
    let error = first_token(&mut wrong, &caller(&mock), &request)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("400"), "{error}");
}
