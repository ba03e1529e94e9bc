//! What goes wrong, and what is told of it.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::stand_in::*;
use crate::stage::Call;
use crate::stage::StageError;
use crate::stage::generate::GenerateOptions;
use crate::stage::upstream::retry::pause;
use crate::stage::upstream::trouble::Trouble;
use crate::stage::upstream::{Upstream, UpstreamOptions};

const NOW: &str = "retry-after: 0\r\n";

fn error(message: &str) -> String {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": "top_k", "code": null}})
        .to_string()
}

/// The one word for what it is.
fn kind(error: &StageError) -> &'static str {
    match error {
        StageError::Invalid { .. } => "invalid",
        StageError::Refused { .. } => "refused",
        StageError::Unavailable(_) => "unavailable",
        StageError::Failed(_) => "failed",
        StageError::Generate(_) | StageError::Call(_) => "other",
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_before_the_first_piece() {
    let broken = chunked_head() + &chunk(": nothing yet\n\n");
    let told =
        head() + &frame(&json!({"error": {"message": "overloaded", "type": "server_error"}}));
    // The first pause is our own; the rest is as long as the provider says.
    for first in [broken, told] {
        let provider = Provider::answering([
            first,
            plain("429 Too Many Requests", NOW, &error("slow down")),
            plain("503 Service Unavailable", NOW, "busy"),
            plain("500 Oops", NOW, "{}"),
            head() + &says("There.") + &ends("stop"),
        ])
        .await;
        let options = UpstreamOptions {
            max_retries: 4,
            ..provider.options()
        };
        assert_eq!(answer_of(options).await.unwrap(), "There.");
        assert_eq!(provider.requests().await.len(), 5);
    }
}

#[tokio::test]
async fn statuses_say_whose_fault_it_is_and_never_the_key() {
    let echoing = format!("Incorrect API key provided: {KEY}");
    for (status, body, expected, said) in [
        (
            "401 Unauthorized",
            error(&echoing),
            "failed",
            "the upstream `gpt` does not accept the server's credentials (401)",
        ),
        (
            "403 Forbidden",
            error("no"),
            "failed",
            "the upstream `gpt` does not accept the server's credentials (403)",
        ),
        (
            "400 Bad Request",
            error(&echoing),
            "invalid",
            "the upstream `gpt` answered 400: Incorrect API key provided: ***",
        ),
        (
            "404 Not Found",
            error("no such model"),
            "failed",
            "the upstream `gpt` answered 404: no such model",
        ),
        (
            "302 Found",
            String::new(),
            "failed",
            "the upstream `gpt` answered 302",
        ),
        (
            "503 Busy",
            "<html>".to_owned(),
            "unavailable",
            "the upstream `gpt` answered 503: <html>",
        ),
        (
            "429 Spent",
            json!({"error": {"message": "pay", "code": "insufficient_quota"}}).to_string(),
            "unavailable",
            "the upstream `gpt` answered 429: pay",
        ),
        (
            "200 OK",
            "{}".to_owned(),
            "failed",
            "the upstream `gpt` answered no event stream",
        ),
    ] {
        let provider = Provider::answering([plain(status, NOW, &body)]).await;
        let options = UpstreamOptions {
            max_retries: if status.starts_with("503") { 0 } else { 5 },
            ..provider.options()
        };
        let error = answer_of(options).await.unwrap_err();
        assert_eq!((kind(&error), error.to_string().as_str()), (expected, said));
        if let StageError::Invalid { param, .. } = error {
            assert_eq!(param.as_deref(), Some("top_k"));
        }
        assert_eq!(provider.requests().await.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_is_an_error_of_its_own() {
    let small = |options: UpstreamOptions| UpstreamOptions {
        max_response_bytes: 1024,
        ..options
    };
    let same = |options: UpstreamOptions| options;
    let broken = "the upstream `gpt` broke off its answer";
    let begun = says("Hello");
    let filtered =
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]});
    let tool = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let invalid = json!({"error": {"message": "too long", "type": "invalid_request_error"}});
    let other = json!({"error": format!("it broke {KEY}")});
    type With = fn(UpstreamOptions) -> UpstreamOptions;
    let cases: [(String, With, _, &str); 9] = [
        (head() + &begun, same, "unavailable", broken),
        (chunked_head() + &chunk(&begun), same, "unavailable", broken),
        (
            head() + &begun + "data: [DONE]\n\n",
            same,
            "unavailable",
            broken,
        ),
        (
            head() + &begun + &frame(&filtered),
            same,
            "refused",
            "the provider's content filter ended the answer",
        ),
        (
            head() + &begun + &frame(&tool),
            same,
            "failed",
            "the upstream `gpt` calls a tool, and none was offered",
        ),
        (
            head() + &begun + &frame(&invalid),
            same,
            "invalid",
            "the upstream `gpt` failed: too long",
        ),
        (
            head() + &begun + &frame(&other),
            same,
            "unavailable",
            "the upstream `gpt` failed: it broke ***",
        ),
        (
            head() + &begun + "data: no JSON\n\n",
            same,
            "failed",
            "the upstream `gpt` said what is no answer",
        ),
        (
            head() + &begun + &says(&"x".repeat(2000)),
            small,
            "failed",
            "the upstream `gpt` answered more than 1024 bytes, its `max_response_bytes`",
        ),
    ];
    for (answer, with, expected, said) in cases {
        let provider = Provider::answering([answer]).await;
        let options = UpstreamOptions {
            max_retries: 0,
            ..with(provider.options())
        };
        let error = answer_of(options).await.unwrap_err();
        assert_eq!((kind(&error), error.to_string().as_str()), (expected, said));
    }
}

#[tokio::test]
async fn silence_and_absence_are_told() {
    let provider = Provider::doing(vec![vec![Act::Say(head()), Act::UntilLeft]]).await;
    let options = UpstreamOptions {
        timeout: Duration::from_millis(20),
        max_retries: 0,
        ..provider.options()
    };
    let error = answer_of(options.clone()).await.unwrap_err();
    assert_eq!(
        (kind(&error), error.to_string().as_str()),
        ("unavailable", "the upstream `gpt` was silent for 20ms")
    );
    provider.requests().await;

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let options = UpstreamOptions {
        base_url: format!("http://127.0.0.1:{port}/v1"),
        ..options
    };
    let error = answer_of(options).await.unwrap_err();
    assert_eq!(
        (kind(&error), error.to_string().as_str()),
        ("unavailable", "the upstream `gpt` cannot be reached")
    );
}

#[tokio::test]
async fn a_deadline_is_not_waited_for_in_vain() {
    let busy = plain("503 Busy", "retry-after: 50\r\n", "later");
    let provider = Provider::answering([busy]).await;
    let call = Call::new("1").with_timeout(Duration::from_secs(40));
    let stage = GenerateOptions::new("gpt");
    let error = ask(provider.options(), stage, asking(), &call)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the upstream `gpt` answered 503: later");
}

#[test]
fn pauses_grow_and_fit() {
    let passing = |retry_after: Option<u64>| Trouble::Passing {
        message: String::new(),
        retry_after: retry_after.map(Duration::from_secs),
    };
    let millis = |tried| pause(&passing(None), tried, 20, None).unwrap().as_millis();
    let grown: Vec<_> = (1..=7).map(millis).collect();
    assert_eq!(grown, [250, 500, 1000, 2000, 4000, 8000, 8000]);
    assert_eq!(millis(20), 8000);
    assert_eq!(
        pause(&passing(None), 3, 2, None),
        None,
        "tried often enough"
    );
    let asked = |seconds, left: Option<u64>| {
        pause(&passing(Some(seconds)), 1, 2, left.map(Duration::from_secs))
    };
    assert_eq!(asked(7, None), Some(Duration::from_secs(7)));
    assert_eq!(asked(7, Some(7)), None, "the deadline comes first");
    assert_eq!(asked(61, None), None, "too long");
    let failed = Trouble::Failed(String::new());
    assert_eq!(pause(&failed, 1, 2, None), None);
}

#[tokio::test]
async fn nothing_that_is_printed_holds_the_key() {
    let provider = Provider::answering([]).await;
    let upstream = Upstream::new(provider.options()).unwrap();
    let printed = format!("{upstream:?} {:?}", provider.options());
    assert!(
        printed.contains("***") && !printed.contains("hush"),
        "{printed}"
    );
}
