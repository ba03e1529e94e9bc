//! Files on the wire: the parts of an upload that are no file, and what is told of a file.

use serde::Serialize;

use crate::error::ApiError;
use crate::store::FileRecord;

/// `POST /v1/files`, as far as its parts have come.
#[derive(Debug, Default)]
pub(crate) struct NewFile {
    purpose: Option<String>,
    anchor: Option<String>,
    seconds: Option<String>,
}

/// A file as clients see it.
#[derive(Debug, Serialize)]
pub(crate) struct FileObject {
    id: String,
    object: &'static str,
    bytes: u64,
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    filename: String,
    purpose: String,
    status: &'static str,
    status_details: Option<()>,
}

/// Something is no more.
#[derive(Debug, Serialize)]
pub(crate) struct Deleted {
    id: String,
    object: &'static str,
    deleted: bool,
}

/// What files may be for. Only `batch` is read by this server; the others are kept for their clients.
const PURPOSES: [&str; 5] = ["batch", "user_data", "assistants", "vision", "evals"];
/// Bounds of `expires_after[seconds]`: an hour, and thirty days.
const KEPT: std::ops::RangeInclusive<u64> = 3600..=2_592_000;

impl NewFile {
    /// Takes a part that is a field.
    ///
    /// # Errors
    /// Names a field that this endpoint does not have.
    pub(crate) fn field(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        let field = match name {
            "purpose" => &mut self.purpose,
            "expires_after[anchor]" => &mut self.anchor,
            "expires_after[seconds]" => &mut self.seconds,
            other => {
                let other: String = other.chars().take(80).collect();
                let message = format!(
                    "unknown part `{other}` of the form; an upload has file, purpose, \
                     expires_after[anchor] and expires_after[seconds]"
                );
                return Err(ApiError::invalid(other, message));
            }
        };
        *field = Some(value);
        Ok(())
    }

    /// What the file is for.
    ///
    /// # Errors
    /// It is missing, or no purpose that a file can have here.
    pub(crate) fn purpose(&self) -> Result<&'static str, ApiError> {
        let said = self.purpose.as_deref();
        let said =
            said.ok_or_else(|| ApiError::invalid("purpose", "the field `purpose` is required"))?;
        let known = PURPOSES.into_iter().find(|purpose| *purpose == said);
        known.ok_or_else(|| {
            let said: String = said.chars().take(40).collect();
            let all = PURPOSES.join(", ");
            ApiError::invalid(
                "purpose",
                format!("purpose must be one of {all}, but is {said:?}"),
            )
        })
    }

    /// Seconds that the file is kept; `None` keeps it.
    ///
    /// # Errors
    /// One of the two fields is missing or wrong.
    pub(crate) fn expires_after(&self) -> Result<Option<u64>, ApiError> {
        let seconds = self
            .seconds
            .as_deref()
            .map(|text| text.parse().map_err(|_| NoNumber));
        expires_after("expires_after", self.anchor.as_deref(), seconds)
    }
}

/// What stands where a number should.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoNumber;

/// Proves `anchor` and `seconds` of `field`.
///
/// # Errors
/// Names the one at fault.
pub(super) fn expires_after(
    field: &str,
    anchor: Option<&str>,
    seconds: Option<Result<u64, NoNumber>>,
) -> Result<Option<u64>, ApiError> {
    if anchor.is_none() && seconds.is_none() {
        return Ok(None);
    }
    if anchor != Some("created_at") {
        let message = format!("{field}.anchor must be \"created_at\"");
        return Err(ApiError::invalid(format!("{field}.anchor"), message));
    }
    match seconds {
        Some(Ok(seconds)) if KEPT.contains(&seconds) => Ok(Some(seconds)),
        _ => {
            let (least, most) = (KEPT.start(), KEPT.end());
            let message = format!("{field}.seconds must be a whole number from {least} to {most}");
            Err(ApiError::invalid(format!("{field}.seconds"), message))
        }
    }
}

impl FileObject {
    pub(crate) fn of(file: FileRecord) -> Self {
        Self {
            id: file.id,
            object: "file",
            bytes: file.bytes,
            created_at: file.created_at,
            expires_at: file.expires_at,
            filename: file.filename,
            purpose: file.purpose,
            status: "processed",
            status_details: None,
        }
    }
}

impl Deleted {
    /// `object` is what it was.
    pub(crate) fn new(id: String, object: &'static str) -> Self {
        Self {
            id,
            object,
            deleted: true,
        }
    }
}
