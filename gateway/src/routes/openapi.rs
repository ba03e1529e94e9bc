//! `GET /openapi.json` and `GET /docs`.

use axum::Json;
use axum::response::Html;
use serde_json::Value;

use crate::openapi::{PAGE, document};

/// The description of all of this.
pub(super) async fn json() -> Json<Value> {
    Json(document())
}

/// A page that shows it.
pub(super) async fn page() -> Html<&'static str> {
    Html(PAGE)
}
