//! `/v1/files`, as clients use it.

use gateway::GatewayConfig;
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{Server, saying};
use crate::keeping::{Clock, configured, form, keeping};

#[tokio::test]
async fn a_file_is_kept_listed_read_and_forgotten() {
    let folder = TempDir::new().unwrap();
    let server = keeping(folder.path(), saying("")).await;
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let fields = [
        ("purpose", "user_data"),
        ("expires_after[anchor]", "created_at"),
        ("expires_after[seconds]", "3600"),
    ];
    let (status, file) = server.send_form(form(&fields, Some(&bytes))).await;
    assert_eq!(status, 200, "{file}");
    let id = file["id"].as_str().unwrap();
    assert_eq!(
        file,
        json!({"id": id, "object": "file", "bytes": 300_000, "created_at": 1_700_000_000_u64,
            "expires_at": 1_700_003_600_u64, "filename": "in.jsonl", "purpose": "user_data",
            "status": "processed", "status_details": null})
    );
    let path = format!("/v1/files/{id}");
    assert_eq!(server.fetch(&path).await, (200, file.clone()));
    let content = server.get(&format!("{path}/content")).send().await.unwrap();
    assert_eq!(content.headers()["content-length"], "300000");
    assert_eq!(content.bytes().await.unwrap(), bytes);
    let (_, list) = server.fetch("/v1/files?purpose=user_data&limit=1").await;
    assert_eq!(list["data"], json!([file]));
    assert_eq!(
        (&list["has_more"], &list["last_id"]),
        (&json!(false), &json!(id))
    );
    assert_eq!(
        server.fetch("/v1/files?purpose=batch").await.1["data"],
        json!([])
    );

    let url = format!("{}{path}", server.url);
    let deleted = server.client.delete(&url).send().await.unwrap();
    let deleted: serde_json::Value = deleted.json().await.unwrap();
    assert_eq!(
        deleted,
        json!({"id": id, "object": "file", "deleted": true})
    );
    let (status, error) = server.fetch(&path).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (404, &json!("not_found"))
    );
}

#[tokio::test]
async fn a_wrong_upload_is_told_what_is_wrong_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let config = GatewayConfig {
        max_file_bytes: 1000,
        ..GatewayConfig::default()
    };
    let server = configured(folder.path(), saying(""), config, &Clock::new()).await;
    let batch: &[(&str, &str)] = &[("purpose", "batch")];
    let long = vec![b'a'; 1001];
    let rows: [(&[(&str, &str)], Option<&[u8]>, u16, &str, &str); 9] = [
        (batch, None, 400, "file", "is required"),
        (&[], Some(b"{}"), 400, "purpose", "is required"),
        (
            &[("purpose", "fine-tune")],
            Some(b"{}"),
            400,
            "purpose",
            "must be one of batch",
        ),
        (
            batch,
            Some(b"{}\n\n[1]\n{}"),
            400,
            "file",
            "line 3 is not a JSON object",
        ),
        (batch, Some(b"{\"a\": 1} 2\n"), 400, "file", "line 1"),
        (batch, Some(b" \n"), 400, "file", "is empty"),
        (
            &[("colour", "red")],
            Some(b"{}"),
            400,
            "colour",
            "unknown part",
        ),
        (
            &[("purpose", "batch"), ("expires_after[seconds]", "5")],
            Some(b"{}"),
            400,
            "expires_after.anchor",
            "created_at",
        ),
        (batch, Some(&long), 413, "", "1000 bytes"),
    ];
    for (fields, file, status, param, words) in rows {
        let (found, error) = server.send_form(form(fields, file)).await;
        let error = &error["error"];
        assert_eq!(found, status, "{fields:?}: {error}");
        assert_eq!(
            error["param"].as_str().unwrap_or_default(),
            param,
            "{error}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{error}"
        );
    }
    assert_eq!(server.fetch("/v1/files").await.1["data"], json!([]));
    let left = std::fs::read_dir(folder.path().join("files")).unwrap();
    assert_eq!(left.count(), 0);
    let (status, error) = server.fetch("/v1/files?limit=0").await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("limit")));
    let plain = server.post("/v1/files", &json!({})).send().await.unwrap();
    assert_eq!(plain.status(), 400);
}

#[tokio::test]
async fn a_server_without_a_folder_says_so() {
    let server = Server::start(saying("")).await;
    let (status, error) = server.fetch("/v1/files").await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("storage_disabled"))
    );
    let (status, error) = server
        .send_form(form(&[("purpose", "batch")], Some(b"{}")))
        .await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("storage_disabled"))
    );
}
