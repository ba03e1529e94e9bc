//! What a client is told when it gets no answer, in gRPC's codes.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::error::ApiError;

/// Where the error's stable code stands, as HTTP's bodies have it.
const ERROR_CODE: &str = "penstock-error-code";

/// The same error as HTTP's clients see.
pub(super) fn status(error: &ApiError) -> Status {
    let mut status = Status::new(code(error), error.to_string());
    if let Some(code) = error.code()
        && let Ok(code) = MetadataValue::try_from(&*code)
    {
        status.metadata_mut().insert(ERROR_CODE, code);
    }
    status
}

fn code(error: &ApiError) -> Code {
    match error {
        ApiError::Invalid { .. } | ApiError::BodyTooLarge { .. } => Code::InvalidArgument,
        ApiError::ModelNotFound(_) | ApiError::Missing(_) => Code::NotFound,
        ApiError::UnknownPath(_) | ApiError::MethodNotAllowed(_) => Code::Unimplemented,
        ApiError::Busy { .. } => Code::ResourceExhausted,
        ApiError::Unavailable { .. } => Code::Unavailable,
        ApiError::BodyTimeout { .. } | ApiError::TimedOut(_) => Code::DeadlineExceeded,
        ApiError::Refused { .. } | ApiError::NotDeployed { .. } => Code::FailedPrecondition,
        ApiError::Forbidden(_) => Code::PermissionDenied,
        ApiError::StageFailed(_) | ApiError::Internal(_) => Code::Internal,
    }
}

/// A code's name as metrics have it.
pub(super) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
