//! Models, probes, and what surrounds every request.

use gateway::{Cors, GatewayConfig, ModelsError};
use serde_json::{Value, json};

use crate::fixture::{
    ALIAS, MAX_MODEL_LEN, MODEL, Server, new_state, question, saying, text_model,
};

#[tokio::test]
async fn models_are_found_by_id_and_alias() {
    let server = Server::start(saying("")).await;
    let model = json!({"id": MODEL, "object": "model", "created": 1_600_000_000,
                       "owned_by": "penstock", "max_model_len": MAX_MODEL_LEN});
    let get = async |path: &str| -> Value {
        server.get(path).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(
        get("/v1/models").await,
        json!({"object": "list", "data": [model]})
    );
    assert_eq!(get(&format!("/v1/models/{MODEL}")).await, model);
    assert_eq!(get("/v1/models/tests%2Ffake").await, model);
    assert_eq!(get(&format!("/v1/models/{ALIAS}")).await, model);
    for path in ["/v1/models/a/b", "/v1/models/%ff"] {
        let unknown = server.get(path).send().await.unwrap();
        assert_eq!(unknown.status(), 404);
        let error: Value = unknown.json().await.unwrap();
        assert_eq!(error["error"]["code"], "model_not_found", "{path}");
    }
}

#[tokio::test]
async fn a_server_is_ready_once_it_has_its_models() {
    let state = new_state(GatewayConfig::default());
    let model = text_model(saying("yes"));
    let server = Server::of(state.clone(), model.clone()).await;
    assert_eq!(server.get("/livez").send().await.unwrap().status(), 200);
    for path in ["/readyz", "/health", "/v1/models"] {
        let response = server.get(path).send().await.unwrap();
        assert_eq!(response.status(), 503, "{path}");
        assert!(response.headers().contains_key("retry-after"));
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["code"], "loading", "{path}");
    }
    let early = server
        .send("/v1/chat/completions", question(json!({})))
        .await;
    assert_eq!(early.status(), 503);
    assert_eq!(
        state.serve(vec![model.clone(), model.clone()], []),
        Err(ModelsError::Duplicate(ALIAS.to_owned()))
    );
    state.serve(vec![model], []).unwrap();
    for path in ["/readyz", "/health", "/v1/models"] {
        assert_eq!(
            server.get(path).send().await.unwrap().status(),
            200,
            "{path}"
        );
    }
    let version: Value = server
        .get("/version")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(version, json!({"version": env!("CARGO_PKG_VERSION")}));
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_another_is_replaced() {
    let server = Server::start(saying("")).await;
    let fresh = "req_0123456789ab4def8123456789abcdef";
    for (sent, expected) in [("trace-1:a", "trace-1:a"), ("<no>", fresh), ("", fresh)] {
        for path in ["/livez", "/nowhere"] {
            let request = server.get(path).header("x-request-id", sent);
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["x-request-id"], expected, "{path}");
        }
    }
    let response = server.get("/livez").send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], fresh);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Server::start(saying("")).await;
    for path in ["/livez", "/readyz", "/v1/models", "/metrics"] {
        let response = server
            .client
            .head(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn http_2_is_spoken_too() {
    let server = Server::start(saying("yes")).await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let url = format!("{}/v1/chat/completions", server.url);
    let body = question(json!({"model": MODEL, "stream": true, "temperature": 0}));
    let response = client.post(url).json(&body).send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    let transcript = response.text().await.unwrap();
    assert!(transcript.ends_with("data: [DONE]\n\n"), "{transcript}");
    server.shutdown.cancel();
    server.gone().await;
}

#[tokio::test]
async fn browsers_may_call_as_configured() {
    let origins = Cors::origins(["https://a.example"]).unwrap();
    for (cors, allowed) in [
        (Cors::Any, Some("*")),
        (origins, Some("https://a.example")),
        (Cors::Off, None),
    ] {
        let config = GatewayConfig {
            cors: cors.clone(),
            ..GatewayConfig::default()
        };
        let server = Server::configured(saying("yes"), config).await;
        let url = format!("{}/v1/chat/completions", server.url);
        let preflight = server
            .client
            .request(reqwest::Method::OPTIONS, &url)
            .header("origin", "https://a.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .send()
            .await
            .unwrap();
        let expected = if allowed.is_some() { 200 } else { 405 };
        assert_eq!(preflight.status(), expected, "{cors:?}");
        let header = preflight.headers().get("access-control-allow-headers");
        assert_eq!(
            header.map(|h| h.to_str().unwrap()),
            allowed.map(|_| "authorization,content-type"),
            "{cors:?}: what is asked for is allowed"
        );
        let body = question(json!({"model": MODEL}));
        let request = server
            .client
            .post(&url)
            .json(&body)
            .header("origin", "https://a.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = response.headers().get("access-control-allow-origin");
        assert_eq!(header.map(|h| h.to_str().unwrap()), allowed, "{cors:?}");
        assert!(
            response
                .headers()
                .get("access-control-allow-credentials")
                .is_none()
        );
    }
    assert!(Cors::origins(["https://a.example\n"]).is_err());
}
