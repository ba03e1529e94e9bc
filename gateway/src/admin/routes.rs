//! The endpoints.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tower_http::catch_panic::CatchPanicLayer;

use super::guard::{AdminConfig, guard};
use crate::deploying::{ConfigSource, DeployError, Deployer};
use crate::error::ApiError;
use crate::http::answer_panic;
use crate::routes::unknown;

/// Largest configuration that is read, in bytes. What is larger than the parser takes has its own error.
const MAX_BODY: usize = 2 << 20;

pub(super) fn router(deployer: Arc<Deployer>, config: AdminConfig) -> Router {
    let applications = || get(details).put(deploy).delete(delete);
    Router::new()
        .route("/api/serve/applications", applications())
        .route("/api/serve/applications/", applications())
        .route("/api/serve/config", get(written))
        .fallback(unknown::unknown)
        .method_not_allowed_fallback(unknown::wrong_method)
        .with_state(deployer)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(config, guard))
        .layer(CatchPanicLayer::custom(answer_panic))
}

/// How a configuration is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    /// How faults name it.
    file: Option<String>,
    /// Where its relative paths begin, on the server's machine; else where those of the one that is
    /// served do.
    folder: Option<PathBuf>,
    /// Whether only the plan is wanted.
    #[serde(default)]
    plan: bool,
}

async fn details(State(deployer): State<Arc<Deployer>>) -> Response {
    Json(deployer.details()).into_response()
}

async fn deploy(
    State(deployer): State<Arc<Deployer>>,
    Query(sent): Query<Sent>,
    text: String,
) -> Result<Response, ApiError> {
    let served = deployer.config();
    let source = ConfigSource {
        file: sent.file.unwrap_or_else(|| "configuration".to_owned()),
        folder: sent
            .folder
            .or_else(|| served.map(|served| served.folder))
            .unwrap_or_default(),
        text,
    };
    // Templates and schemas are read from files.
    let proving = tokio::task::spawn_blocking(move || match sent.plan {
        true => deployer.plan(&source),
        false => deployer.deploy(source),
    });
    let plan = proving
        .await
        .map_err(|_| ApiError::Internal("the configuration could not be read".to_owned()))?;
    Ok(Json(plan.map_err(refused)?).into_response())
}

async fn delete(State(deployer): State<Arc<Deployer>>) -> Result<Response, ApiError> {
    deployer.delete_applications().map_err(refused)?;
    Ok(Json(serde_json::json!({})).into_response())
}

async fn written(State(deployer): State<Arc<Deployer>>) -> Response {
    let text = deployer.config().map_or_else(String::new, |c| c.text);
    text.into_response()
}

#[expect(clippy::needless_pass_by_value, reason = "an error that ends here")]
fn refused(error: DeployError) -> ApiError {
    ApiError::NotDeployed {
        message: error.to_string(),
        later: matches!(error, DeployError::NotNow(_)),
    }
}
