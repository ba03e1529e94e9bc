//! Whether and how an answer is streamed.

use serde::Deserialize;
use serde_json::Value;

use super::object::AsObject;
use super::parse::typed;
use super::usage::ChunkUsage;
use crate::error::ApiError;
use crate::generation::Tally;

/// What a stream says beside the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamOptions {
    /// A last chunk with the usage of the whole request.
    pub include_usage: bool,
    /// The usage so far on every chunk.
    pub continuous_usage: bool,
}

impl StreamOptions {
    /// The `usage` of a chunk that is not the last.
    pub(crate) fn usage_of_chunk(self, tally: &Tally) -> ChunkUsage {
        match self {
            Self {
                continuous_usage: true,
                ..
            } => ChunkUsage::Known(tally.usage()),
            Self {
                include_usage: true,
                ..
            } => ChunkUsage::Null,
            Self { .. } => ChunkUsage::Absent,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Wire {
    stream: Option<bool>,
    stream_options: Option<AsObject<WireOptions>>,
}

#[derive(Debug, Default, Deserialize)]
struct WireOptions {
    include_usage: Option<bool>,
    continuous_usage_stats: Option<bool>,
}

/// `None` when the answer is wanted in one piece.
///
/// # Errors
/// Refuses options for a stream that is not asked for.
pub(crate) fn streaming(request: &Value) -> Result<Option<StreamOptions>, ApiError> {
    let wire: Wire = typed(request)?;
    if !wire.stream.unwrap_or(false) {
        return match wire.stream_options {
            None => Ok(None),
            Some(_) => Err(ApiError::invalid(
                "stream_options",
                "stream_options is only allowed when stream is true",
            )),
        };
    }
    let AsObject(options) = wire.stream_options.unwrap_or_default();
    let include_usage = options.include_usage.unwrap_or(false);
    Ok(Some(StreamOptions {
        include_usage,
        continuous_usage: include_usage && options.continuous_usage_stats.unwrap_or(false),
    }))
}
