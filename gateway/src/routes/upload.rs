//! `POST /v1/files`.

use std::future::Future;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::batches::check_jsonl;
use crate::error::ApiError;
use crate::openai::{FileObject, NewFile};
use crate::state::{Gateway, SharedState};
use crate::store::{FileRecord, StoreError, Upload};

/// Bytes of a field that is no file.
const MAX_FIELD: usize = 1024;
/// Parts of a form; nobody has so many.
const MAX_PARTS: usize = 16;
/// Longest name of a file that is kept, in characters.
const MAX_NAME: usize = 255;

/// Takes a file as it comes, piece by piece, onto the disk.
pub(super) async fn create(
    State(state): State<SharedState>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    let mut form = form.map_err(|rejection| ApiError::Invalid {
        message: format!("the request must be a form (multipart/form-data): {rejection}"),
        param: None,
        code: None,
    })?;
    let mut new = NewFile::default();
    let mut file = None;
    for _ in 0..MAX_PARTS {
        let Some(mut part) = patient(&state, form.next_field()).await? else {
            return keep(&state, &new, file).await;
        };
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            let filename = part.file_name().unwrap_or("file");
            let filename = filename.chars().take(MAX_NAME).collect();
            file = Some((filename, receive(&state, &mut part).await?));
        } else {
            let value = text(&state, &name, &mut part).await?;
            new.field(&name, value)?;
        }
    }
    Err(ApiError::Invalid {
        message: format!("the form has more than {MAX_PARTS} parts"),
        param: None,
        code: None,
    })
}

async fn keep(
    state: &Gateway,
    new: &NewFile,
    file: Option<(String, Upload)>,
) -> Result<Response, ApiError> {
    let purpose = new.purpose()?;
    let expires_after = new.expires_after()?;
    let missing = || ApiError::invalid("file", "the field `file` is required");
    let (filename, mut upload) = file.ok_or_else(missing)?;
    upload.sync().await.map_err(|error| unkept(&error))?;
    if purpose == "batch" {
        prove_jsonl(state, upload.path()).await?;
    }
    let created_at = state.edge().now();
    let record = FileRecord {
        id: upload.id().to_owned(),
        bytes: upload.bytes(),
        created_at,
        expires_at: expires_after.map(|seconds| created_at.saturating_add(seconds)),
        filename,
        purpose: purpose.to_owned(),
    };
    let kept = state.store().keep(upload, record.clone()).await;
    kept.map_err(|error| unkept(&error))?;
    Ok(Json(FileObject::of(record)).into_response())
}

/// A file for a batch has a JSON object on each line.
async fn prove_jsonl(state: &Gateway, path: &Path) -> Result<(), ApiError> {
    let path: PathBuf = path.to_owned();
    let checked = state.store().run(move |_| check_jsonl(&path)).await;
    let checked = checked.map_err(|error| unkept(&error))?;
    checked.map_err(|fault| ApiError::invalid("file", fault.to_string()))
}

async fn receive(state: &Gateway, part: &mut Field<'_>) -> Result<Upload, ApiError> {
    let id = state.edge().id("file-");
    let upload = state.store().upload(id).await;
    let mut upload = upload.map_err(|error| unkept(&error))?;
    while let Some(piece) = patient(state, part.chunk()).await? {
        let limit = state.config().max_file_bytes;
        if upload.bytes() + piece.len() as u64 > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(ApiError::BodyTooLarge { limit });
        }
        let written = upload.write(&piece).await;
        written.map_err(|error| unkept(&error))?;
    }
    Ok(upload)
}

async fn text(state: &Gateway, name: &str, part: &mut Field<'_>) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(piece) = patient(state, part.chunk()).await? {
        if text.len() + piece.len() > MAX_FIELD {
            let message = format!("a field of the form may have {MAX_FIELD} bytes");
            return Err(ApiError::invalid(shown(name), message));
        }
        text.extend_from_slice(&piece);
    }
    String::from_utf8(text)
        .map_err(|_| ApiError::invalid(shown(name), "a field of the form must be UTF-8"))
}

/// The next piece, unless the client takes too long to send any.
async fn patient<T>(
    state: &Gateway,
    piece: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, ApiError> {
    let limit = state.config().body_timeout;
    match timeout(limit, piece).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) => Err(ApiError::Invalid {
            message: format!("the form could not be read: {error}"),
            param: None,
            code: None,
        }),
        Err(_) => Err(ApiError::BodyTimeout { limit }),
    }
}

fn shown(name: &str) -> String {
    name.chars().take(80).collect()
}

fn unkept(error: &StoreError) -> ApiError {
    ApiError::store(error, Some("file"))
}
