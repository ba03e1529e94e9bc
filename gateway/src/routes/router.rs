//! Which path goes where, and what every request passes on its way.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use super::{
    application, batches, chat_completions, classify, completions, conversations, decisions,
    detokenize, embeddings, files, health, messages, metrics, models, observe, openapi, rerank,
    responses, score, tokenize, unknown, upload, version,
};
use crate::anthropic;
use crate::config::Cors;
use crate::http::{X_REQUEST_ID, answer_panic, request_id};
use crate::state::SharedState;

/// The whole surface. Layers below are named from the inside out.
pub(crate) fn router(state: &SharedState) -> Router {
    let work = Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/v1/chat/completions", post(chat_completions::create))
        .route("/v1/completions", post(completions::create))
        .route("/v1/messages", post(messages::create))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/v1/responses", post(responses::create))
        .route(
            "/v1/responses/{id}",
            get(responses::one).delete(responses::delete),
        )
        .route("/v1/responses/{id}/cancel", post(responses::cancel))
        .route(
            "/v1/responses/{id}/input_items",
            get(responses::input_items),
        )
        .route("/v1/conversations", post(conversations::create))
        .route(
            "/v1/conversations/{id}",
            get(conversations::one)
                .post(conversations::update)
                .delete(conversations::delete),
        )
        .route(
            "/v1/conversations/{id}/items",
            get(conversations::items).post(conversations::add_items),
        )
        .route(
            "/v1/conversations/{id}/items/{item_id}",
            get(conversations::item).delete(conversations::delete_item),
        )
        .route("/v1/embeddings", post(embeddings::create))
        .route("/v1/rerank", post(rerank::create))
        .route("/v2/rerank", post(rerank::create))
        .route("/v1/decisions", post(decisions::create))
        .route("/v1/score", post(score::create))
        .route("/v1/classify", post(classify::create))
        .route(
            "/v1/files",
            get(files::list)
                .post(upload::create)
                // It has a limit of its own, and is never whole in memory.
                .layer(DefaultBodyLimit::disable()),
        )
        .route("/v1/files/{id}", get(files::one).delete(files::delete))
        .route("/v1/files/{id}/content", get(files::content))
        .route("/v1/batches", get(batches::list).post(batches::create))
        .route("/v1/batches/{id}", get(batches::one))
        .route("/v1/batches/{id}/cancel", post(batches::cancel))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/detokenize", post(detokenize::detokenize))
        .route_layer(from_fn_with_state(
            Arc::clone(state),
            observe::refuse_when_draining,
        ));
    let probes = Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/health", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/version", get(version::version))
        .route("/openapi.json", get(openapi::json))
        .route("/docs", get(openapi::page));
    let app = work
        .merge(probes)
        .fallback(application::by_prefix)
        .method_not_allowed_fallback(unknown::wrong_method)
        .with_state(Arc::clone(state))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(Arc::clone(state), observe::observe))
        .layer(from_fn(anthropic::in_its_words));
    let app = match cors(&state.config().cors) {
        Some(layer) => app.layer(layer),
        None => app,
    };
    app.layer(from_fn_with_state(Arc::clone(state.edge()), request_id))
}

/// What lines of batches may ask, in the state that has their door.
pub(crate) fn batch_router(state: &SharedState) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat_completions::create))
        .route("/v1/completions", post(completions::create))
        .route("/v1/responses", post(responses::create))
        .route("/v1/embeddings", post(embeddings::create))
        .with_state(Arc::clone(state))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(Arc::clone(state.edge()), request_id))
}

fn cors(config: &Cors) -> Option<CorsLayer> {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        // By the Fetch standard a `*` would not cover `authorization`, which every client sends.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([X_REQUEST_ID, HeaderName::from_static("retry-after")]);
    match config {
        Cors::Off => None,
        Cors::Any => Some(layer.allow_origin(Any)),
        Cors::Origins(origins) => Some(layer.allow_origin(origins.clone())),
    }
}
