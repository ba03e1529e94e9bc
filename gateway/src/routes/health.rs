//! Probes: whether the process lives, and whether it wants work.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::state::SharedState;

/// `GET /livez`: the process answers.
pub(super) async fn livez() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz` and `/health`: models are loaded and shutdown has not begun (G2).
pub(super) async fn readyz(State(state): State<SharedState>) -> Result<Json<Value>, ApiError> {
    if state.lifecycle().is_not_ready() {
        return Err(state.stopping(false));
    }
    state.catalogue()?;
    Ok(Json(json!({ "status": "ok" })))
}
