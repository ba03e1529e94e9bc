//! `GET /v1/models` and `GET /v1/models/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::openai::{ModelList, ModelObject};
use crate::state::SharedState;

/// All models, in the order of the configuration.
pub(super) async fn list(State(state): State<SharedState>) -> Result<Response, ApiError> {
    let models = state.models()?.iter().map(|m| ModelObject::of(m.text()));
    Ok(Json(ModelList::new(models.collect())).into_response())
}

/// One model, by its id, which may have slashes, or by an alias.
pub(super) async fn one(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let model = state.model(&id)?;
    Ok(Json(ModelObject::of(model.text())).into_response())
}
