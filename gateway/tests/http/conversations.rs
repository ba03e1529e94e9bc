//! `/v1/conversations`: what is kept of them, and responses that go on from them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Server, saying};
use crate::keeping::keeping;

const PATH: &str = "/v1/conversations";

async fn deleted(server: &Server, path: &str) -> (u16, Value) {
    let request = server.client.delete(format!("{}{path}", server.url));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn posted(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let response = server.post(path, body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list["data"].as_array().unwrap().iter();
    items
        .map(|item| item["content"][0]["text"].as_str().unwrap())
        .collect()
}

fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": text})
}

#[tokio::test]
async fn items_come_and_go_and_outlive_the_server() {
    let folder = TempDir::new().unwrap();
    let server = keeping(folder.path(), saying("Yes")).await;
    let new = json!({"items": [user("One")], "metadata": {"a": "b"}});
    let (status, conversation) = posted(&server, PATH, &new).await;
    assert_eq!(status, 200, "{conversation}");
    let id = conversation["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("conv_"));
    let path = format!("{PATH}/{id}");
    let items = format!("{path}/items");
    let more = json!({"items": [user("Two"), {"role": "assistant", "content": "Three"}]});
    let (status, added) = posted(&server, &items, &more).await;
    assert_eq!((status, texts(&added)), (200, vec!["Two", "Three"]));
    let (_, all) = server.fetch(&format!("{items}?order=asc")).await;
    assert_eq!(texts(&all), ["One", "Two", "Three"]);
    let (_, last) = server.fetch(&format!("{items}?limit=1")).await;
    assert_eq!(
        (texts(&last), &last["has_more"]),
        (vec!["Three"], &json!(true))
    );
    let after = last["last_id"].as_str().unwrap();
    let (_, rest) = server.fetch(&format!("{items}?after={after}")).await;
    assert_eq!(
        (texts(&rest), &rest["has_more"]),
        (vec!["Two", "One"], &json!(false))
    );
    let two = format!("{items}/{}", rest["first_id"].as_str().unwrap());
    assert_eq!(server.fetch(&two).await, (200, rest["data"][0].clone()));
    assert_eq!(deleted(&server, &two).await, (200, conversation.clone()));
    assert_eq!(server.fetch(&two).await.0, 404);
    let (_, changed) = posted(&server, &path, &json!({"metadata": {"c": "d"}})).await;
    assert_eq!(changed["metadata"], json!({"c": "d"}));

    server.shutdown.cancel();
    server.gone().await;
    let server = keeping(folder.path(), saying("Yes")).await;
    assert_eq!(server.fetch(&path).await, (200, changed));
    let (_, all) = server.fetch(&format!("{items}?order=asc")).await;
    assert_eq!(texts(&all), ["One", "Three"]);
    let gone = json!({"id": id, "object": "conversation.deleted", "deleted": true});
    assert_eq!(deleted(&server, &path).await, (200, gone));
    for path in [&path, &items] {
        assert_eq!(server.fetch(path).await.0, 404);
    }
}

#[tokio::test]
async fn a_response_reads_a_conversation_and_adds_to_it() {
    let folder = TempDir::new().unwrap();
    let server = keeping(folder.path(), saying("Yes")).await;
    let (_, conversation) = posted(&server, PATH, &json!({"items": [user("One")]})).await;
    let id = &conversation["id"];
    let first = json!({"input": "Two", "conversation": id});
    let first = server.ask("/v1/responses", first).await;
    assert_eq!(first["conversation"], json!({"id": id}));
    // Also where the response itself is not kept.
    let second = json!({"input": "Three", "conversation": {"id": id}, "store": false});
    let second = server.ask("/v1/responses", second).await;
    let items = format!("{PATH}/{}/items?order=asc", id.as_str().unwrap());
    let (_, all) = server.fetch(&items).await;
    assert_eq!(texts(&all), ["One", "Two", "Yes", "Three", "Yes"]);
    let whole = json!({"messages": [
        {"role": "user", "content": "One"}, {"role": "user", "content": "Two"},
        {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Three"},
    ]});
    let chat = server.ask("/v1/chat/completions", whole).await;
    assert_eq!(
        second["usage"]["input_tokens"],
        chat["usage"]["prompt_tokens"]
    );
}

#[tokio::test]
async fn wrong_ones_are_told_what_is_wrong() {
    let server = Server::start(saying("Yes")).await;
    let (_, conversation) = posted(&server, PATH, &json!({})).await;
    let path = format!("{PATH}/{}", conversation["id"].as_str().unwrap());
    let items = format!("{path}/items");
    let many = vec![user("a"); 21];
    for (path, body, param) in [
        (PATH, json!({"metadata": {"a": 1}}), "metadata"),
        (PATH, json!({"items": "One"}), "items"),
        (PATH, json!({"items": many}), "items"),
        (&path, json!({}), "metadata"),
        (&items, json!({}), "items"),
        (&items, json!({"items": []}), "items"),
        (
            &items,
            json!({"items": [{"type": "item_reference", "id": "a"}]}),
            "items[0].type",
        ),
        (
            &items,
            json!({"items": [{"role": "user", "content": 5}]}),
            "items[0].content",
        ),
    ] {
        let (status, error) = posted(&server, path, &body).await;
        assert_eq!(
            (status, &error["error"]["param"]),
            (400, &json!(param)),
            "{path} {body}: {error}"
        );
    }
    assert_eq!(server.fetch(&format!("{items}?limit=0")).await.0, 400);
    assert_eq!(server.fetch(&format!("{items}?after=none")).await.0, 400);
    assert_eq!(
        posted(
            &server,
            "/v1/conversations/none/items",
            &json!({"items": [user("a")]})
        )
        .await
        .0,
        404
    );
}
