//! Models as a list of OpenAI's.

use llm_apps::controller::Application;
use llm_apps::stage::generate::TextModel;
use serde::Serialize;

use crate::small_models::ServedSmallModel;

/// `GET /v1/models`.
#[derive(Debug, Serialize)]
pub(crate) struct ModelList {
    object: &'static str,
    data: Vec<ModelObject>,
}

/// `GET /v1/models/{id}`.
#[derive(Debug, Serialize)]
pub(crate) struct ModelObject {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    /// Prompt and answer together, in tokens; a name that other servers use.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_model_len: Option<usize>,
}

impl ModelList {
    pub(crate) fn new(data: Vec<ModelObject>) -> Self {
        Self {
            object: "list",
            data,
        }
    }
}

impl ModelObject {
    pub(crate) fn of(model: &TextModel) -> Self {
        Self {
            id: model.info().id.clone(),
            object: "model",
            created: model.info().created,
            owned_by: "penstock",
            max_model_len: Some(model.limits().max_model_len),
        }
    }

    /// An encoder or a classifier, whose texts are as long as it says.
    pub(crate) fn of_small_model(model: &ServedSmallModel) -> Self {
        Self {
            id: model.name().to_owned(),
            object: "model",
            created: model.created(),
            owned_by: "penstock",
            max_model_len: Some(model.model().max_seq_length()),
        }
    }

    /// An application, which answers like a model.
    pub(crate) fn of_application(application: &Application) -> Self {
        Self {
            id: application.name().to_owned(),
            object: "model",
            created: application.created(),
            owned_by: "penstock",
            max_model_len: None,
        }
    }
}
