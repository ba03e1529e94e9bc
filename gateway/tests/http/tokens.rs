//! `/tokenize` and `/detokenize`.

use serde_json::json;

use crate::fixture::{MAX_MODEL_LEN, MODEL, Server, saying};

#[tokio::test]
async fn texts_become_tokens_and_texts_again() {
    let server = Server::start(saying("")).await;
    let body = json!({"model": MODEL, "prompt": "hé", "return_token_strs": true});
    let tokenized = server.ask("/tokenize", body).await;
    assert_eq!(
        tokenized,
        json!({
            "count": 4,
            "max_model_len": MAX_MODEL_LEN,
            "tokens": [256, 0x68, 0xc3, 0xa9],
            "token_strs": ["<|bos|>", "h", "\u{fffd}", "\u{fffd}"],
        })
    );
    let bare = json!({"prompt": "h", "add_special_tokens": false});
    let tokenized = server.ask("/tokenize", bare).await;
    assert_eq!((&tokenized["tokens"], &tokenized["token_strs"]), (&json!([0x68]), &json!(null)));
    let body = json!({"tokens": [257, 0x68, 0xc3, 0xa9]});
    let text = server.ask("/detokenize", body).await;
    assert_eq!(text, json!({"prompt": "<|im_start|>hé"}));
}

#[tokio::test]
async fn a_conversation_is_rendered_first() {
    let server = Server::start(saying("")).await;
    let body = json!({"messages": [{"role": "user", "content": "x"}], "add_generation_prompt": false});
    let tokenized = server.ask("/tokenize", body).await;
    let bytes = |text: &str| text.bytes().map(u32::from).collect::<Vec<_>>();
    let expected = [vec![257], bytes("user\nx"), vec![258], bytes("\n")].concat();
    assert_eq!(tokenized["tokens"], json!(expected));
}

#[tokio::test]
async fn a_token_id_beyond_the_vocabulary_is_refused() {
    let server = Server::start(saying("")).await;
    let response = server.send("/detokenize", json!({"tokens": [1, 259]})).await;
    assert_eq!(response.status(), 400);
    let error: serde_json::Value = response.json().await.unwrap();
    assert_eq!(error["error"]["param"], "tokens");
}
