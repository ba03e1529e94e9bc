//! `/v1/responses`: answers whole and as events, kept and gone on from, told again, and what is refused.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{MODEL, Server, drawing, saying};
use crate::keeping::{Clock, configured, keeping};
use crate::stream_schemas::StreamSchemas;

pub(crate) const PATH: &str = "/v1/responses";

/// Data of each event, whose name and number are as they should be.
pub(crate) fn events(text: &str, from: u64) -> Vec<Value> {
    let blocks = text
        .split("\n\n")
        .filter(|b| !b.is_empty() && !b.starts_with(':'));
    let event = |(number, block): (u64, &str)| {
        let (name, data) = block.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], name.strip_prefix("event: ").unwrap());
        assert_eq!(data["sequence_number"], number, "{text}");
        data
    };
    (from..).zip(blocks).map(event).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let kinds = events.iter().map(|event| event["type"].as_str().unwrap());
    kinds
        .map(|kind| kind.strip_prefix("response.").unwrap())
        .collect()
}

pub(crate) async fn text(server: &Server, path: &str) -> String {
    let response = server.get(path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.unwrap()
}

fn said(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"]
        .as_str()
        .unwrap()
}

#[tokio::test]
async fn a_response_is_answered_kept_and_forgotten() {
    let folder = TempDir::new().unwrap();
    let server = keeping(folder.path(), saying("Hello")).await;
    let asked = json!({"input": "Hi", "metadata": {"a": "b"}, "instructions": "Be brief."});
    let response = server.ask(PATH, asked).await;
    let id = response["id"].as_str().unwrap();
    assert!(
        id.starts_with("resp_") && said(&response) == "Hello",
        "{response}"
    );
    for (field, value) in [
        ("object", json!("response")),
        ("status", json!("completed")),
        ("model", json!(MODEL)),
        ("metadata", json!({"a": "b"})),
        ("instructions", json!("Be brief.")),
        ("error", Value::Null),
        ("temperature", json!(1.0)),
        ("text", json!({"format": {"type": "text"}})),
    ] {
        assert_eq!(response[field], value, "{response}");
    }
    assert_eq!(response["usage"]["output_tokens"], 6);
    let path = format!("{PATH}/{id}");
    assert_eq!(server.fetch(&path).await, (200, response.clone()));
    let (status, items) = server.fetch(&format!("{path}/input_items")).await;
    let item = &items["data"][0];
    assert_eq!((status, &items["has_more"]), (200, &json!(false)));
    assert_eq!(
        item["content"],
        json!([{"type": "input_text", "text": "Hi"}])
    );
    assert_eq!(
        (&item["role"], &items["first_id"]),
        (&json!("user"), &item["id"])
    );

    let request = server.client.delete(format!("{}{path}", server.url));
    let deleted: Value = request.send().await.unwrap().json().await.unwrap();
    let expected = json!({"id": id, "object": "response", "deleted": true});
    assert_eq!(deleted, expected);
    assert_eq!(server.fetch(&path).await.0, 404);
    let gone = json!({"input": "Hi", "store": false});
    let unkept = server.ask(PATH, gone).await;
    let path = format!("{PATH}/{}", unkept["id"].as_str().unwrap());
    assert_eq!(server.fetch(&path).await.0, 404);
    server.until("penstock_admission_permits_in_use", 0.0).await;
}

#[tokio::test]
async fn events_come_in_order_and_are_told_again_from_each() {
    let folder = TempDir::new().unwrap();
    let server = keeping(folder.path(), saying("Hey")).await;
    let asked = json!({"input": "Hi", "stream": true, "top_logprobs": 1});
    let sent = server.send(PATH, asked).await.text().await.unwrap();
    StreamSchemas::new().prove_all(&sent);
    let told = events(&sent, 0);
    let delta = "output_text.delta";
    let (begin, end) = (
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
        ],
        [
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ],
    );
    let deltas = [delta; 3];
    assert_eq!(kinds(&told), [&begin[..], &deltas, &end].concat());
    let pieces: String = told.iter().filter_map(|e| e["delta"].as_str()).collect();
    assert_eq!(pieces, "Hey");
    assert_eq!(told[4]["logprobs"][0]["token"], "H");
    let response = &told.last().unwrap()["response"];
    assert_eq!(said(response), "Hey");
    let path = format!("{PATH}/{}", response["id"].as_str().unwrap());
    assert_eq!(server.fetch(&path).await.1, *response);

    assert_eq!(text(&server, &format!("{path}?stream=true")).await, sent);
    let frames: Vec<&str> = sent.split_inclusive("\n\n").collect();
    for after in 0..frames.len() {
        let again = text(
            &server,
            &format!("{path}?stream=true&starting_after={after}"),
        )
        .await;
        assert_eq!(again, frames[after + 1..].concat(), "after {after}");
    }
    for query in [
        "starting_after=1",
        "stream=true&starting_after=x",
        "stream=1",
    ] {
        assert_eq!(server.fetch(&format!("{path}?{query}")).await.0, 400);
    }
}

#[tokio::test]
async fn what_goes_before_is_read_with_the_input() {
    let folder = TempDir::new().unwrap();
    let clock = Clock::new();
    let server = configured(folder.path(), saying("Yes"), Default::default(), &clock).await;
    let first = server
        .ask(
            PATH,
            json!({"input": "One", "instructions": "Not carried over."}),
        )
        .await;
    let second = json!({"input": "Two", "previous_response_id": first["id"]});
    let second = server.ask(PATH, second).await;
    let third = json!({
        "input": [{"role": "user", "content": "Three"}],
        "instructions": "Be brief.",
        "previous_response_id": second["id"],
    });
    let third = server.ask(PATH, third).await;
    let whole = json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"}, {"role": "assistant", "content": "Yes"},
        {"role": "user", "content": "Two"}, {"role": "assistant", "content": "Yes"},
        {"role": "user", "content": "Three"},
    ]});
    let chat = server.ask("/v1/chat/completions", whole).await;
    assert_eq!(
        third["usage"]["input_tokens"],
        chat["usage"]["prompt_tokens"]
    );

    // An item is found by its id, also that of an answer.
    let item = &first["output"][0]["id"];
    let referred = json!({"input": [{"type": "item_reference", "id": item}, {"role": "user", "content": "So?"}]});
    let referred = server.ask(PATH, referred).await;
    let (_, items) = server
        .fetch(&format!(
            "{PATH}/{}/input_items?order=asc",
            referred["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(items["data"][0], first["output"][0]);

    // A month later nothing of it is there.
    clock.advance(30 * 86_400);
    let late = json!({"input": "Four", "previous_response_id": third["id"]});
    let response = server.send(PATH, late).await;
    let (status, error) = (response.status(), response.json::<Value>().await.unwrap());
    assert_eq!(status, 400);
    assert_eq!(
        error["error"]["code"], "previous_response_not_found",
        "{error}"
    );
}

#[tokio::test]
async fn without_a_folder_responses_are_kept_as_long_as_the_server_runs() {
    let server = Server::start(saying("Yes")).await;
    let first = server.ask(PATH, json!({"input": "One"})).await;
    let next = json!({"input": "Two", "previous_response_id": first["id"]});
    assert_eq!(said(&server.ask(PATH, next).await), "Yes");
}

#[tokio::test]
async fn a_form_and_a_limit_are_kept_to() {
    let server = Server::start(drawing()).await;
    let format = json!({"type": "json_schema", "name": "yes", "schema": {"enum": ["yes", "no"]}});
    let formed = server
        .ask(PATH, json!({"input": "Hi", "text": {"format": format}}))
        .await;
    assert!(["\"yes\"", "\"no\""].contains(&said(&formed)), "{formed}");
    assert_eq!(formed["text"]["format"], format);
    let cut = json!({"input": "Hi", "max_output_tokens": 3, "ignore_eos": true});
    let cut = server.ask(PATH, cut).await;
    assert_eq!(cut["status"], "incomplete");
    assert_eq!(
        cut["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    assert_eq!(cut["completed_at"], Value::Null);
}

#[tokio::test]
async fn each_wrong_request_is_told_what_is_wrong() {
    let server = Server::start(saying("Yes")).await;
    let conversation = server.ask("/v1/conversations", json!({})).await;
    let long = "a".repeat(crate::fixture::MAX_MODEL_LEN);
    let id = conversation["id"].as_str().unwrap();
    let table = include_str!("responses.json");
    let table = table.replace("LONG", &long).replace("CONVERSATION", id);
    let table: Vec<(Value, String)> = serde_json::from_str(&table).unwrap();
    for (more, param) in table {
        let mut body = json!({"model": MODEL, "input": "Hi"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let response = server.post(PATH, &body).send().await.unwrap();
        let (status, error) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!(status, 400, "{more}: {error}");
        assert_eq!(error["error"]["param"], param, "{more}: {error}");
        let message = error["error"]["message"].as_str().unwrap();
        let others = ["messages", "response_format", "max_completion_tokens"];
        assert!(
            !others.iter().any(|word| message.contains(word)),
            "{message}"
        );
    }
    let unknown = server
        .send(PATH, json!({"model": "no", "input": "Hi"}))
        .await;
    assert_eq!(unknown.status(), 404);
    server.until("penstock_admission_permits_in_use", 0.0).await;
    assert_eq!(server.model.engine().stats().held_requests, 0);
}
