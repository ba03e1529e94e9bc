//! `GET /v1/models` and `GET /v1/models/{id}`.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use crate::catalogue::Served;
use crate::error::ApiError;
use crate::openai::{ModelList, ModelObject};
use crate::state::SharedState;

/// All models, in the order of the configuration.
pub(super) async fn list(State(state): State<SharedState>) -> Result<Response, ApiError> {
    let catalogue = state.catalogue()?;
    let models = catalogue.models().iter();
    let models = models.map(|m| ModelObject::of(m.text()));
    let applications = catalogue.applications().iter();
    let applications = applications.map(|a| ModelObject::of_application(a.app()));
    let small_models = catalogue.small_models().iter();
    let small_models = small_models.map(|s| ModelObject::of_small_model(s));
    let all = models.chain(applications).chain(small_models).collect();
    Ok(Json(ModelList::new(all)).into_response())
}

/// One model, by its id, which may have slashes, or by an alias.
pub(super) async fn one(
    State(state): State<SharedState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Ok(Path(id)) = id else {
        // No model has an id that is not UTF-8.
        return Err(ApiError::ModelNotFound("\u{fffd}".to_owned()));
    };
    if let Some(small) = state.catalogue()?.small_model(&id) {
        return Ok(Json(ModelObject::of_small_model(small)).into_response());
    }
    let object = match state.served(&id)? {
        Served::Model(model) => ModelObject::of(model.text()),
        Served::Application(application) => ModelObject::of_application(application.app()),
    };
    Ok(Json(object).into_response())
}
